#ifndef CPHAROSBUILD_H
#define CPHAROSBUILD_H

/// The commit that this program was built from.
///
/// Empty where the build was not told.
const char *pharos_build_commit(void);

#endif
