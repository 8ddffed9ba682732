# CPack runs this when the files of the packages are in their folders and not packed yet. It makes of them what Debian's policy
# wants: compressed manual pages and changelogs, a file `copyright`, stripped libraries. And it sets the times of all files to
# SOURCE_DATE_EPOCH, so that the same files give the same package.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(seconds $ENV{SOURCE_DATE_EPOCH})
else()
  string(TIMESTAMP seconds %s UTC)
endif()
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
execute_process(COMMAND date -u -R -d @${seconds} OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  set(usr ${root}/${component}${CPACK_PACKAGING_INSTALL_PREFIX})
  string(TOUPPER ${component} upper)
  set(name ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(doc ${usr}/share/doc/${name})
  file(MAKE_DIRECTORY ${doc})
  file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../LICENSE ${doc}/copyright)
  file(REMOVE ${doc}/LICENSE)
  file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../CHANGELOG.md ${doc}/changelog)
  file(WRITE ${doc}/changelog.Debian
"${name} (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Version ${CPACK_PACKAGE_VERSION}; changelog.gz says what is new.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}
")
  file(GLOB_RECURSE texts ${usr}/share/man/*.[13])
  list(APPEND texts ${doc}/changelog ${doc}/changelog.Debian)
  # A page that is a link to another keeps being one.
  foreach(text IN LISTS texts)
    if(IS_SYMLINK ${text})
      file(READ_SYMLINK ${text} page)
      file(REMOVE ${text})
      file(CREATE_LINK ${page}.gz ${text}.gz SYMBOLIC)
      list(REMOVE_ITEM texts ${text})
    endif()
  endforeach()
  run(gzip -9nf ${texts})
  file(GLOB private ${usr}/lib/valence/*.so* ${usr}/lib/*/valence/*.so*)
  foreach(library IN LISTS private)
    if(NOT IS_SYMLINK ${library})
      run(strip --strip-unneeded --remove-section=.comment --remove-section=.note ${library})
    endif()
  endforeach()
  run(chmod -R u+rwX,go+rX,go-w ${root}/${component})
  run(find ${root}/${component} -exec touch -h -d @${seconds} {} +)
endforeach()
