#include "control/rim/scoreboard.h"

#include <string.h>

static bool is_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = (char)name.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return name.len > 0 && name.len < SCOREBOARD_NAME_SIZE;
}

void scoreboard_take(struct scoreboard *s, const struct ipc_counter *counter)
{
    for (size_t i = 0; i < s->count; i++) {
        if (bytes_equal_string(counter->name, s->entries[i].name)) {
            s->entries[i].value = counter->value;
            return;
        }
    }
    if (s->count == SCOREBOARD_MAX || !is_name(counter->name))
        return;
    struct scoreboard_entry *entry = &s->entries[s->count++];
    memcpy(entry->name, counter->name.data, counter->name.len);
    entry->name[counter->name.len] = '\0';
    size_t len =
        counter->help.len < sizeof entry->help ? counter->help.len : sizeof entry->help - 1;
    if (len > 0)
        memcpy(entry->help, counter->help.data, len);
    entry->help[len] = '\0';
    entry->value = counter->value;
}

uint64_t scoreboard_value(const struct scoreboard *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->entries[i].name, name) == 0)
            return s->entries[i].value;
    return 0;
}
