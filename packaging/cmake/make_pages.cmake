# make_pages.cmake - writes SHARE/man and SHARE/bash-completion: a man page for each verb that RUNLET knows, and the hand-written
# pages of MAN, in which @verbs@, @options@ and @keys@ on lines of their own are replaced by what RUNLET says, @VERSION@ by VERSION.
cmake_minimum_required(VERSION 3.18)

function(ask variable)
    execute_process(COMMAND ${RUNLET} gen ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "runlet gen ${ARGN} failed: ${status}")
    endif()
    set(${variable} "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${SHARE}/man ${SHARE}/bash-completion)

ask(verbs verbs)
string(REGEX MATCHALL "[^\n]+" verbs "${verbs}")
foreach(verb ${verbs})
    ask(page man ${verb})
    file(WRITE ${SHARE}/man/man1/runlet-${verb}.1 "${page}")
endforeach()

file(GLOB inputs ${MAN}/*.in)
foreach(input ${inputs})
    get_filename_component(name ${input} NAME)
    string(REGEX REPLACE "\\.in$" "" name ${name})
    string(REGEX REPLACE "^.*\\." "" section ${name})
    file(READ ${input} page)
    foreach(mark verbs options keys)
        if(page MATCHES "\n@${mark}@\n")
            ask(text man @${mark})
            string(REPLACE "\n@${mark}@\n" "\n${text}" page "${page}")
        endif()
    endforeach()
    string(REPLACE "@VERSION@" "${VERSION}" page "${page}")
    file(WRITE ${SHARE}/man/man${section}/${name} "${page}")
endforeach()

ask(completion bash-completion)
file(WRITE ${SHARE}/bash-completion/completions/runlet "${completion}")
