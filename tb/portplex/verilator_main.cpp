// SPDX-License-Identifier: Apache-2.0
// The simulator's main program on Verilator. It asks VPI only for what can be there: signals change in an evaluation or in a
// callback, and callbacks are registered only by callbacks, so most time steps of a clock made in HDL need one look at the value
// callbacks and nothing else. A loop that makes every call in every step takes a third more time on the array.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "Vtop.h"
#include "main_clock.h"
#include "verilated.h"
#include "verilated_vpi.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

void Vtop___024root___eval(Vtop___024root *self);       // Verilator's
extern "C" void vlog_startup_routines_bootstrap(void);  // cocotb's

static constexpr uint64_t NEVER = UINT64_MAX;
static uint64_t main_time = 0;  // in time steps
#if VM_TRACE
static std::unique_ptr<VerilatedFstC> waves;
#endif

double sc_time_stamp() { return static_cast<double>(main_time); }

/* One evaluation. `eval_step` also looks for messages of other threads and for objects to delete, under a lock: a thirtieth of the
   array's time. Without threads there are no messages, objects can wait a while, and only waves need what else it does. */
static void evaluate(Vtop &top) {
    static uint32_t count = 0;
    if (VM_TRACE || top.threads() > 1 || count++ % 1024 == 0)
        top.eval_step();
    else
        Vtop___024root___eval(top.rootp);
}

/* Value callbacks, and what they change, until nothing changes any more. True if one was called. */
static bool settle() {
    bool called = false;
    while (VerilatedVpi::callValueCbs()) called = true;
    return called;
}

/* Callbacks of one kind and what follows from them. True if one was called. */
static bool call(uint32_t reason) {
    const bool called = VerilatedVpi::callCbs(reason);
    return settle() || called;
}

static void finish() {
    VerilatedVpi::callCbs(cbEndOfSimulation);
#if VM_TRACE
    if (waves) waves->close();
#endif
#if VM_COVERAGE
    VerilatedCov::write();
#endif
}

int main(int argc, char **argv) {
    std::string trace_file = "dump.fst";
    bool trace = false;
    for (int i = 1; i < argc; i++) {
        const std::string arg = argv[i];
        if (arg == "--trace") trace = true;
        if (arg == "--trace-file" && i + 1 < argc) trace_file = argv[++i];
    }
    Verilated::commandArgs(argc, argv);
    Verilated::fatalOnVpiError(false);  // cocotb tries things that Verilator does not offer
    const auto top = std::make_unique<Vtop>("");
#if VM_TRACE
    Verilated::traceEverOn(true);
    if (trace) {
        waves = std::make_unique<VerilatedFstC>();
        top->trace(waves.get(), 99);
        waves->open(trace_file.c_str());
    }
#else
    if (trace) {
        std::fprintf(stderr, "--trace: this simulator was built without waves\n");
        return 1;
    }
#endif
    vlog_startup_routines_bootstrap();
    Verilated::addExitCb([](void *) { finish(); }, nullptr);
    VerilatedVpi::callCbs(cbStartOfSimulation);
    settle();

    MainClock clock;
    bool evaluated = false;
    bool quiet = false;  // no callback is registered but those of values and those after a delay
    uint64_t deadline = NEVER;  // of the first callback after a delay
    while (!Verilated::gotFinish()) {
        bool called = false;
        do {
            do {
                evaluate(*top);
                VerilatedVpi::clearEvalNeeded();
                if (!quiet) VerilatedVpi::doInertialPuts();
                if (settle()) {
                    called = true;
                    quiet = false;
                }
            } while (VerilatedVpi::evalNeeded());
            if (!quiet) {
                called |= VerilatedVpi::callCbs(cbReadWriteSynch);
                VerilatedVpi::doInertialPuts();
                called |= settle();
            }
        } while (VerilatedVpi::evalNeeded());
        top->eval_end_step();
        if (!evaluated) clock.find(top->contextp());
        evaluated = true;
        if (!quiet) called |= VerilatedVpi::callCbs(cbReadOnlySynch);
#if VM_TRACE
        if (waves) waves->dump(main_time);
#endif
        if (!quiet) deadline = VerilatedVpi::cbNextDeadline();
        const uint64_t event = top->eventsPending() ? top->nextTimeSlot() : NEVER;
        main_time = std::min({deadline, event, clock.next()});
        if (main_time == NEVER) break;
        if (!quiet) called |= call(cbNextSimTime);
        if (deadline <= main_time) {
            call(cbAfterDelay);
            called = true;  // even if it was cancelled: the next deadline is another one
        }
        clock.advance(main_time);
        quiet = !called;
    }
    top->final();
    finish();
#if VM_TRACE
    waves.reset();
#endif
    return Verilated::threadContextp()->errorCount() ? 1 : 0;
}
