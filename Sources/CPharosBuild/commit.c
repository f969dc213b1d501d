#include "CPharosBuild.h"

// Package.swift defines it from the environment. It stands alone in a file, so that a new commit compiles only this.
#ifndef PHAROS_COMMIT
#define PHAROS_COMMIT ""
#endif

const char *pharos_build_commit(void) { return PHAROS_COMMIT; }
