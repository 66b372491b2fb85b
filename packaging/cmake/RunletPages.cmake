# Man pages and bash completion, made by the built program from its own tables: build/<preset>/share/ (see make_pages.cmake).
if(NOT TARGET runlet)
    return()
endif()
set(stamp ${CMAKE_BINARY_DIR}/share/made)
set(script ${CMAKE_SOURCE_DIR}/packaging/cmake/make_pages.cmake)
file(GLOB hand_written CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/man/*.in)
add_custom_command(OUTPUT ${stamp}
    COMMAND ${CMAKE_COMMAND} -DRUNLET=$<TARGET_FILE:runlet> -DVERSION=${PROJECT_VERSION} -DMAN=${CMAKE_SOURCE_DIR}/packaging/man
            -DSHARE=${CMAKE_BINARY_DIR}/share -P ${script}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS runlet ${script} ${hand_written} COMMENT "Man pages and completion" VERBATIM)
add_custom_target(pages ALL DEPENDS ${stamp})
