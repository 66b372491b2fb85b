"""Entry program of the `python` runtime: runs the user's code in code/ beside this file.

CODE_ENTRYPOINT   the file to run: .py, a folder or .zip with a __main__.py, .ipynb, .sh, or another program
ENTRY_FUNCTION    a function in it to call instead; `--k v` become keyword arguments, other words positional ones
WORKING_DIR       where to run it, relative to code/
PYTHON_PATH       more places to import from, ':' between them, relative to the working directory
OUTPUT_DIR, OUTPUT_URI   a folder, and where it is copied after success (oci://, file:// or a path)
"""
import sys

import driver_common


def run(code_dir, entrypoint):
    driver_common.enter(code_dir)
    path = driver_common.find_entrypoint(entrypoint, code_dir)
    function = driver_common.setting("ENTRY_FUNCTION")
    if path.endswith(".ipynb") and not function:
        import driver_notebook

        driver_notebook.run(path)
        return
    outputs = driver_common.Outputs(driver_common.setting("OUTPUT_DIR"), driver_common.setting("OUTPUT_URI"))
    driver_common.run_user_code(path, function, sys.argv[1:], outputs)


if __name__ == "__main__":
    run(driver_common.default_code_dir(), driver_common.setting("CODE_ENTRYPOINT"))
