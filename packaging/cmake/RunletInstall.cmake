# What `cmake --install` puts onto a machine: programs, helpers, pages, and systemd's units with their folders and user.
set(RUNLET_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd's units go, below the prefix")
set(helpers ${CMAKE_INSTALL_LIBEXECDIR}/runlet)

install(TARGETS runlet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS runletd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS runlet-supervisor runlet-unpack runlet-image runlet-probe runlet-fuse RUNTIME DESTINATION ${helpers})
install(DIRECTORY ${CMAKE_BINARY_DIR}/bin/entry DESTINATION ${helpers})
install(DIRECTORY ${CMAKE_BINARY_DIR}/share/man DESTINATION ${CMAKE_INSTALL_DATADIR})
install(DIRECTORY ${CMAKE_BINARY_DIR}/share/bash-completion DESTINATION ${CMAKE_INSTALL_DATADIR})

# The units name the programs where they are installed, which is known then: the prefix may be given to `cmake --install`.
set(units runlet-bootstrap.service runletd.service runletd.socket runlet-supervisor.socket runlet-supervisor@.service runlet-drain.service runlet.slice
    runlet-runs.slice)
install(CODE "
    set(bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    set(sbindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
    set(libexecdir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBEXECDIR}\")
    foreach(unit ${units})
        configure_file(\"${CMAKE_SOURCE_DIR}/systemd/\${unit}\" \"${CMAKE_BINARY_DIR}/systemd/\${unit}\" @ONLY)
    endforeach()")
list(TRANSFORM units PREPEND ${CMAKE_BINARY_DIR}/systemd/)
install(FILES ${units} DESTINATION ${RUNLET_UNIT_DIR})
install(FILES systemd/90-runlet.preset DESTINATION lib/systemd/system-preset)
install(FILES systemd/runlet.sysusers DESTINATION lib/sysusers.d RENAME runlet.conf)
install(FILES systemd/runlet.tmpfiles DESTINATION lib/tmpfiles.d RENAME runlet.conf)
