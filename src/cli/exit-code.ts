// Exit codes, in one place: scripts depend on them.

export const EXIT_OK = 0;
/** A build, registry or store operation failed. */
export const EXIT_FAILED = 1;
/** Wrong usage, or a Dockerfile with errors. */
export const EXIT_USAGE = 2;
/** `run`: tsbuild failed, not the command; the two below: the command could not be run, or is not there. As docker run. */
export const EXIT_RUN_FAILED = 125;
export const EXIT_NOT_RUNNABLE = 126;
export const EXIT_NOT_FOUND = 127;
/** Ctrl-C or SIGTERM. */
export const EXIT_INTERRUPTED = 130;
