#include "experiments/cli.h"

int main(int argc, char** argv) { return uhaul::UhaulMain(argc, argv); }
