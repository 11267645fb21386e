// SPDX-License-Identifier: Apache-2.0
// The yardstick of the harness: the same top and the same frames at the same clocks, replayed from a recording, with no Python
// and no VPI in the process. Prints one line of JSON; exit status 1 when what came back differs from the recorded run.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "Vtop.h"
#include "main_clock.h"
#include "portplex_bfm.h"
#include "verilated.h"

static constexpr uint64_t PERIOD = 4;  // ns in a clock, time step 1 ns

int main(int argc, char **argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s RECORDING [FIRST SLICE COUNT] [+plusargs]\n", argv[0]);
        return 2;
    }
    const int64_t end = pp_replay(argv[1]);
    if (end < 0) {
        std::fprintf(stderr, "%s: not a whole recording\n", argv[1]);
        return 2;
    }
    const auto context = std::make_unique<VerilatedContext>();
    context->commandArgs(argc, argv);
    const auto top = std::make_unique<Vtop>(context.get());
    top->eval();  // initial blocks: memories, images
    MainClock clock;
    clock.find(context.get());
    const std::clock_t start = std::clock();  // processor time: other work on the machine does not count
    // Processor time of COUNT slices of SLICE clocks from clock FIRST on (after reset), so that they can be compared one by one
    const bool sliced = argc >= 5;
    const uint64_t slice = sliced ? std::strtoull(argv[3], nullptr, 10) * PERIOD : 0;
    uint64_t next = sliced ? std::strtoull(argv[2], nullptr, 10) * PERIOD : UINT64_MAX;
    int64_t left = sliced ? std::strtoll(argv[4], nullptr, 10) + 1 : 0;
    std::vector<std::clock_t> marks;
    bool shifted = false;
    int state = 0;
    while (!(state = pp_replay_state()) && !context->gotFinish()) {
        if (clock.next() == UINT64_MAX) break;
        context->time(clock.next());
        clock.advance(context->time());
        top->eval();
        if (context->time() < next) continue;
        if (!shifted) {  // clocks count from the end of the reset
            next += static_cast<uint64_t>(pp_get_time_zero());
            shifted = true;
            continue;
        }
        marks.push_back(std::clock());
        next = --left ? next + slice : UINT64_MAX;
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("{\"cycles\": %" PRId64 ", \"seconds\": %.6f, \"equal\": %s, \"slices\": [", end, seconds,
        state == 1 ? "true" : "false");
    for (size_t i = 1; i < marks.size(); i++)
        std::printf("%s%.6f", i > 1 ? ", " : "", static_cast<double>(marks[i] - marks[i - 1]) / CLOCKS_PER_SEC);
    std::printf("]}\n");
    top->final();
    return state == 1 ? 0 : 1;
}
