# Finds libuv and makes the target LibUV::LibUV.
#
# Why not libuv's own package: Debian 12's libuv1-dev ships none, and where there is one the target
# was called uv or uv_a up to 1.44 and libuv::uv or libuv::uv_a since. Installed beside
# usher-config.cmake, because a program that links usher must find libuv in the same way.

include(FindPackageHandleStandardArgs)

find_package(libuv CONFIG QUIET)
set(_upstream "")
foreach(_target IN ITEMS libuv::uv uv libuv::uv_a uv_a)
  if(libuv_FOUND AND NOT _upstream AND TARGET ${_target})
    set(_upstream ${_target})
  endif()
endforeach()

if(_upstream)
  find_package_handle_standard_args(LibUV REQUIRED_VARS libuv_DIR VERSION_VAR libuv_VERSION)
  if(LibUV_FOUND AND NOT TARGET LibUV::LibUV)
    add_library(LibUV::LibUV INTERFACE IMPORTED)
    set_target_properties(LibUV::LibUV PROPERTIES INTERFACE_LINK_LIBRARIES ${_upstream})
  endif()
  return()
endif()

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_LibUV QUIET libuv)
endif()
find_path(LibUV_INCLUDE_DIR uv.h HINTS ${PC_LibUV_INCLUDE_DIRS})
find_library(LibUV_LIBRARY uv HINTS ${PC_LibUV_LIBRARY_DIRS})
mark_as_advanced(LibUV_INCLUDE_DIR LibUV_LIBRARY)

if(EXISTS "${LibUV_INCLUDE_DIR}/uv/version.h")
  file(STRINGS "${LibUV_INCLUDE_DIR}/uv/version.h" LibUV_VERSION
       REGEX "^#define UV_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
  list(TRANSFORM LibUV_VERSION REPLACE "^.* " "")
  list(JOIN LibUV_VERSION "." LibUV_VERSION)
endif()

find_package_handle_standard_args(
  LibUV
  REQUIRED_VARS LibUV_LIBRARY LibUV_INCLUDE_DIR
  VERSION_VAR LibUV_VERSION
  REASON_FAILURE_MESSAGE "On Debian: apt-get install libuv1-dev")

if(LibUV_FOUND AND NOT TARGET LibUV::LibUV)
  add_library(LibUV::LibUV UNKNOWN IMPORTED)
  set_target_properties(LibUV::LibUV PROPERTIES
    IMPORTED_LOCATION "${LibUV_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibUV_INCLUDE_DIR}")
endif()
