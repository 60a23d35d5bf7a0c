# Finds jansson and makes the target Jansson::Jansson.
#
# Debian 12's libjansson-dev has a pkg-config file but no CMake package; upstream's own CMake build
# exports jansson::jansson. For the examples and the benchmark's report: the library does without.

include(FindPackageHandleStandardArgs)

find_package(jansson CONFIG QUIET)
if(jansson_FOUND AND TARGET jansson::jansson)
  find_package_handle_standard_args(Jansson REQUIRED_VARS jansson_DIR VERSION_VAR jansson_VERSION)
  if(Jansson_FOUND AND NOT TARGET Jansson::Jansson)
    add_library(Jansson::Jansson INTERFACE IMPORTED)
    set_target_properties(Jansson::Jansson PROPERTIES INTERFACE_LINK_LIBRARIES jansson::jansson)
  endif()
  return()
endif()

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_Jansson QUIET jansson)
endif()
find_path(Jansson_INCLUDE_DIR jansson.h HINTS ${PC_Jansson_INCLUDE_DIRS})
find_library(Jansson_LIBRARY jansson HINTS ${PC_Jansson_LIBRARY_DIRS})
mark_as_advanced(Jansson_INCLUDE_DIR Jansson_LIBRARY)

if(EXISTS "${Jansson_INCLUDE_DIR}/jansson.h")
  file(STRINGS "${Jansson_INCLUDE_DIR}/jansson.h" Jansson_VERSION
       REGEX "^#define JANSSON_VERSION +\"[0-9.]+\"")
  string(REGEX REPLACE "^.*\"([0-9.]+)\".*$" "\\1" Jansson_VERSION "${Jansson_VERSION}")
endif()

find_package_handle_standard_args(
  Jansson
  REQUIRED_VARS Jansson_LIBRARY Jansson_INCLUDE_DIR
  VERSION_VAR Jansson_VERSION
  REASON_FAILURE_MESSAGE "On Debian: apt-get install libjansson-dev")

if(Jansson_FOUND AND NOT TARGET Jansson::Jansson)
  add_library(Jansson::Jansson UNKNOWN IMPORTED)
  set_target_properties(Jansson::Jansson PROPERTIES
    IMPORTED_LOCATION "${Jansson_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Jansson_INCLUDE_DIR}")
endif()
