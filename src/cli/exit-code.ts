// Exit codes, in one place: scripts depend on them.

export const EXIT_OK = 0;
/** A build, registry or store operation failed. */
export const EXIT_FAILED = 1;
/** Wrong usage, or a Dockerfile with errors. */
export const EXIT_USAGE = 2;
/** Ctrl-C or SIGTERM. */
export const EXIT_INTERRUPTED = 130;
