#include "control/core/purpose.h"

static const struct purpose purpose_none = {.name = "closing"};

const struct purpose *purpose_of(enum connection_kind kind)
{
    switch (kind) {
    case CONNECTION_PROBE:
        return &purpose_probe;
    case CONNECTION_LINK:
        return &purpose_link;
    case CONNECTION_PHONE:
        return &purpose_phone;
    case CONNECTION_ROOM:
        return &purpose_room;
    case CONNECTION_NONE:
        break;
    }
    return &purpose_none;
}
