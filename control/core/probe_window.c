#include "control/core/probe_window.h"

#include <math.h>

void probe_window_sent(struct probe_window *w, uint64_t timestamp_ms, uint64_t now)
{
    size_t at = w->count++ % PROBE_WINDOW;
    w->pings[at].timestamp_ms = timestamp_ms;
    w->pings[at].sent = now;
    w->pings[at].rtt = 0;
}

static size_t filled(const struct probe_window *w)
{
    return w->count < PROBE_WINDOW ? w->count : PROBE_WINDOW;
}

void probe_window_answered(struct probe_window *w, uint64_t timestamp_ms, uint64_t now)
{
    for (size_t i = 0; i < filled(w); i++) {
        if (w->pings[i].timestamp_ms != timestamp_ms || w->pings[i].rtt != 0)
            continue;
        w->pings[i].rtt = now > w->pings[i].sent ? now - w->pings[i].sent : 1;
        return;
    }
}

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double deviation(const struct probe_window *w, double sum, size_t answered)
{
    double mean = sum / (double)answered, squares = 0;
    for (size_t i = 0; i < filled(w); i++) {
        double off = ms(w->pings[i].rtt) - mean;
        squares += w->pings[i].rtt != 0 ? off * off : 0;
    }
    return sqrt(squares / (double)answered);
}

struct probe_figures probe_window_figures(const struct probe_window *w, uint64_t now)
{
    struct probe_figures f = {.answered = false};
    size_t answered = 0, lost = 0;
    uint64_t newest = 0;
    double sum = 0;
    for (size_t i = 0; i < filled(w); i++) {
        lost += w->pings[i].rtt == 0 && now >= w->pings[i].sent + PROBE_LOST_NS;
        if (w->pings[i].rtt == 0)
            continue;
        answered++;
        sum += ms(w->pings[i].rtt);
        if (w->pings[i].sent >= newest) {
            newest = w->pings[i].sent;
            f.rtt_ms = ms(w->pings[i].rtt);
        }
    }
    f.answered = answered > 0;
    f.loss_pct = answered + lost == 0 ? 0 : 100.0 * (double)lost / (double)(answered + lost);
    f.jitter_ms = answered == 0 ? 0 : deviation(w, sum, answered);
    return f;
}
