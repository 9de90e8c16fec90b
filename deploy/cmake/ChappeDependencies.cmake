# The libraries of others, each as a target chappe::NAME: wolfssl, ngtcp2, nng, cjson, yaml, curl,
# microhttpd, uthash; for the tests cmocka and opus.
#
# wolfSSL and ngtcp2 come from the prefix that deploy/bootstrap builds, or from the system with
# CHAPPE_SYSTEM_DEPS. Nothing of this is cached: a new recipe means a new prefix, and the next
# configure takes it.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

set(CHAPPE_BOOTSTRAP ${PROJECT_SOURCE_DIR}/deploy/bootstrap)
set_property(DIRECTORY PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${CHAPPE_BOOTSTRAP} ${PROJECT_SOURCE_DIR}/deploy/build-deps)

# chappe::NAME from pkg-config's MODULE; PACKAGE is Debian's name, for the message.
function(chappe_pkg_config name module package)
    pkg_check_modules(CHAPPE_${name} QUIET IMPORTED_TARGET ${module})
    if(NOT CHAPPE_${name}_FOUND)
        message(FATAL_ERROR "${module} was not found: install ${package}, or run deploy/bootstrap")
    endif()
    add_library(chappe::${name} ALIAS PkgConfig::CHAPPE_${name})
endfunction()

# chappe::NAME for a library without a pkg-config file; LIBRARY may be empty: headers only.
function(chappe_plain_library name header library package)
    find_path(include ${header} NO_CACHE)
    if(library)
        find_library(file ${library} NO_CACHE)
    endif()
    if(NOT include OR (library AND NOT file))
        message(FATAL_ERROR "${header} was not found: install ${package}, or run deploy/bootstrap")
    endif()
    add_library(chappe::${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(chappe::${name} SYSTEM INTERFACE ${include})
    if(library)
        target_link_libraries(chappe::${name} INTERFACE ${file} Threads::Threads)
    endif()
endfunction()

# The private prefix: chappe::wolfssl and chappe::ngtcp2 from the static libraries.
function(chappe_private_prefix)
    execute_process(COMMAND ${CHAPPE_BOOTSTRAP} --print-prefix OUTPUT_VARIABLE prefix
        OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    if(NOT EXISTS ${prefix})
        message(FATAL_ERROR "wolfSSL and ngtcp2 are not built yet: run deploy/bootstrap "
            "(it puts them into ${prefix}), or configure with -DCHAPPE_SYSTEM_DEPS=ON")
    endif()
    message(STATUS "wolfSSL and ngtcp2: ${prefix}")
    set(lib ${prefix}/lib)
    chappe_check_quic(${prefix}/include)
    add_library(chappe::wolfssl INTERFACE IMPORTED GLOBAL)
    target_include_directories(chappe::wolfssl SYSTEM INTERFACE ${prefix}/include)
    target_link_libraries(chappe::wolfssl INTERFACE ${lib}/libwolfssl.a m Threads::Threads)
    add_library(chappe::ngtcp2 INTERFACE IMPORTED GLOBAL)
    target_link_libraries(chappe::ngtcp2 INTERFACE
        ${lib}/libngtcp2_crypto_wolfssl.a ${lib}/libngtcp2.a chappe::wolfssl)
endfunction()

# The system's libraries, whatever kind they are.
function(chappe_system_prefix)
    chappe_pkg_config(wolfssl wolfssl "wolfSSL's development files (built with QUIC)")
    chappe_check_quic(${CHAPPE_wolfssl_INCLUDE_DIRS})
    chappe_pkg_config(ngtcp2 "libngtcp2_crypto_wolfssl;libngtcp2>=1.0.0"
        "ngtcp2's development files (with its wolfSSL helper)")
    target_link_libraries(PkgConfig::CHAPPE_wolfssl INTERFACE m Threads::Threads)
    target_link_libraries(PkgConfig::CHAPPE_ngtcp2 INTERFACE PkgConfig::CHAPPE_wolfssl)
endfunction()

# Stops unless the wolfSSL whose headers lie in one of the directories was built with QUIC.
function(chappe_check_quic)
    find_file(options wolfssl/options.h PATHS ${ARGN} /usr/include NO_CACHE NO_DEFAULT_PATH)
    if(options)
        file(STRINGS ${options} quic REGEX "^#define +WOLFSSL_QUIC")
    endif()
    if(NOT quic)
        message(FATAL_ERROR "this wolfSSL (${options}) was built without QUIC, which Chappe needs: "
            "build it with --enable-quic, or configure without CHAPPE_SYSTEM_DEPS and let "
            "deploy/bootstrap build one")
    endif()
endfunction()

if(CHAPPE_SYSTEM_DEPS)
    chappe_system_prefix()
else()
    chappe_private_prefix()
endif()
chappe_plain_library(nng nng/nng.h nng libnng-dev)
chappe_plain_library(uthash uthash.h "" uthash-dev)
chappe_pkg_config(cjson libcjson libcjson-dev)
chappe_pkg_config(yaml yaml-0.1 libyaml-dev)
chappe_pkg_config(curl libcurl libcurl4-openssl-dev)
chappe_pkg_config(microhttpd libmicrohttpd libmicrohttpd-dev)
if(CHAPPE_TESTS)
    chappe_pkg_config(cmocka cmocka libcmocka-dev)
    chappe_pkg_config(opus opus libopus-dev)
endif()
