#include "common/error.h"

const char *error_text(int code)
{
    switch (code) {
#define X(name, value, text)                                                                       \
    case name:                                                                                     \
        return text;
        ERROR_TABLE(X)
#undef X
    }
    return "unknown error";
}
