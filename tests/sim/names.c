#include "tests/sim/names.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/net_connection.h"
#include "tests/sim/dice.h"

static void fill(uint8_t *out, size_t len, uint64_t seed)
{
    struct dice dice = {seed};
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)dice_next(&dice);
}

struct fingerprint_tls name_relay(int relay)
{
    struct fingerprint_tls out;
    fill(out.bytes, sizeof(out.bytes), (uint64_t)relay + 1000);
    return out;
}

static struct address address_of(unsigned net, int number)
{
    const uint8_t ip[4] = {(uint8_t)net, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                           (uint8_t)number};
    struct address out;
    memset(&out, 0, sizeof(out));
    if (address_from_ip((struct bytes){ip, sizeof(ip)}, 4433, &out) != 0)
        sim_broken("an address");
    return out;
}

struct address name_relay_address(int relay)
{
    return address_of(10, relay + 1);
}

struct address name_person_address(int person)
{
    return address_of(100, person + 1);
}

void name_person_key(int person, uint8_t key[32])
{
    fill(key, 32, ((uint64_t)person + 1) << 32);
}

void name_person(int person, char out[FINGERPRINT_USER_TEXT])
{
    struct fingerprint_user name;
    uint8_t key[32];
    name_person_key(person, key);
    if (fingerprint_user_of_key(key, &name) != 0)
        sim_broken("a name");
    fingerprint_user_text(&name, out);
}
