// SPDX-License-Identifier: Apache-2.0
// The yardstick of the harness: the same top and the same frames at the same clocks, replayed from a recording, with no Python
// and no VPI in the process. Prints one line of JSON; exit status 1 when what came back differs from the recorded run.
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <memory>

#include "Vtop.h"
#include "portplex_bfm.h"
#include "verilated.h"

int main(int argc, char **argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s RECORDING [+plusargs]\n", argv[0]);
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
    const std::clock_t start = std::clock();  // processor time: other work on the machine does not count
    int state = 0;
    while (!(state = pp_replay_state()) && !context->gotFinish()) {
        top->eval();
        if (!top->eventsPending()) break;
        context->time(top->nextTimeSlot());
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("{\"cycles\": %" PRId64 ", \"seconds\": %.6f, \"equal\": %s}\n", end, seconds, state == 1 ? "true" : "false");
    top->final();
    return state == 1 ? 0 : 1;
}
