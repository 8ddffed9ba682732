# Debian packages of what cmake/install.cmake installs: `valence` (the component runtime) and `libvalence-dev` (development).
# `cmake --build BUILD --target deb` writes them to BUILD/packages; docs/packaging.md says how to use them.
find_program(DPKG_DEB dpkg-deb)
if(NOT DPKG_DEB)
  return()
endif()
set(VALENCE_MAINTAINER "The valence authors <maintainers@valence.example>" CACHE STRING "Who makes the Debian packages: NAME <ADDRESS>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME valence)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development)
if(VALENCE_MPI)
  list(APPEND CPACK_COMPONENTS_ALL mpi)
endif()
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_files.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${VALENCE_MAINTAINER})
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME valence)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Multimodal sentiment of video clips
Scores how positive or negative a person in a recording is, by what is said,
how it sounds and how the face looks, and keeps working when the transcript
is missing. This package has the command valence, which also trains and
evaluates models and serves scores over HTTP, and the shared libraries.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# The OpenBLAS with the OpenMP threads that the kernels use, where it was built with that.
if(openblas_LIBRARY_DIRS MATCHES "openblas-openmp")
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS libopenblas0-openmp)
endif()
# What `valence models fetch` downloads with.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS python3-pip)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "npm, curl, nginx")
# What other packages depend on that link a library, and ldconfig for it.
function(control_files component)
  set(folder ${CMAKE_BINARY_DIR}/package/${component})
  set(shlibs "")
  foreach(library IN LISTS ARGN)
    string(APPEND shlibs "${library} ${PROJECT_VERSION_MAJOR} ${CPACK_DEBIAN_${component}_PACKAGE_NAME} (>= ${PROJECT_VERSION})\n")
  endforeach()
  file(WRITE ${folder}/shlibs ${shlibs})
  file(WRITE ${folder}/triggers "activate-noawait ldconfig\n")
  set(CPACK_DEBIAN_${component}_PACKAGE_CONTROL_EXTRA ${folder}/shlibs ${folder}/triggers PARENT_SCOPE)
endfunction()
set(runtime_libraries ${libraries})
list(REMOVE_ITEM runtime_libraries libvalence-mpi)
control_files(RUNTIME ${runtime_libraries})
# Where dpkg-shlibdeps finds the libraries that are in the package itself.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR})
if(VALENCE_ENCODERS AND NOT installed_llama_FOUND)
  list(APPEND CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${prefix}/lib)
endif()
if(VALENCE_ENCODERS)
  list(APPEND CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${whisper_prefix}/lib)
endif()

set(CPACK_DEBIAN_MPI_PACKAGE_NAME valence-mpi)
set(CPACK_DEBIAN_MPI_PACKAGE_SECTION science)
set(CPACK_COMPONENT_MPI_DESCRIPTION "Multimodal sentiment of video clips (training with MPI)
The library with which mpirun valence train spreads a training over several
processes and machines.")
control_files(MPI libvalence-mpi)
set(CPACK_DEBIAN_MPI_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "valence (= ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libvalence-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Multimodal sentiment of video clips (development files)
The headers of libvalence and libvalence-media, their pkg-config files and
a manual page for every function.")
# The packages with the libraries that its links point to.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "valence (= ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
if(VALENCE_MPI)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
         ", valence-mpi (= ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
endif()
include(CPack)

set(packaged valence_command ${libraries} command_texts)
if(TARGET api_pages)
  list(APPEND packaged api_pages)
endif()
add_custom_target(deb
  COMMAND ${CMAKE_CPACK_COMMAND} --config ${CMAKE_BINARY_DIR}/CPackConfig.cmake -B ${CMAKE_BINARY_DIR}/packages
  COMMENT "Making Debian packages")
add_dependencies(deb ${packaged})
