// SPDX-License-Identifier: Apache-2.0
// The clocks of hdl/bfm/clock_source.v, toggled by the program that evaluates the model: a delay in HDL takes Verilator a coroutine,
// an entry in a sorted tree and a lock for each half period, a tenth of the whole array.
#ifndef PORTPLEX_MAIN_CLOCK_H_
#define PORTPLEX_MAIN_CLOCK_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "verilated.h"
#include "verilated_sym_props.h"
#include "verilated_syms.h"

class MainClock final {
    struct Source {
        CData *clk;
        uint64_t half_period;  // time steps
        uint64_t next;         // time of the next edge
    };
    std::vector<Source> sources;
    uint64_t first = UINT64_MAX;

public:
    /* Call after the first evaluation: initial blocks have run then. */
    void find(VerilatedContext *context) {
        const VerilatedScopeNameMap *const scopes = context->scopeNameMap();
        if (!scopes) return;
        for (const auto &scope : *scopes) {
            const VerilatedVar *const clk = scope.second->varFind("main_clock");
            const VerilatedVar *const half = scope.second->varFind("half_period");
            if (!clk || !half) continue;
            const uint64_t period = *static_cast<const IData *>(half->datap());
            sources.push_back({static_cast<CData *>(clk->datap()), period, period});
            first = std::min(first, period);
        }
    }
    uint64_t next() const { return first; }  // time of the next edge, UINT64_MAX without a clock
    /* Make the edges that are due at `time`. */
    void advance(uint64_t time) {
        if (time < first) return;
        first = UINT64_MAX;
        for (Source &source : sources) {
            if (source.next <= time) {
                *source.clk = !*source.clk;
                source.next += source.half_period;
            }
            first = std::min(first, source.next);
        }
    }
};

#endif
