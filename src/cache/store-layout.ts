// Names in the directory of a store. Each ends in the version of its form: a form that changes gets a new name,
// so that one store can serve several versions of the program.

/** Content by digest. */
export const BLOBS_DIR = 'blobs-v1';
/** Tables of contents of layers, by diffID. */
export const TOCS_DIR = 'tocs-v1';
/** Unpacked layers. */
export const SNAPSHOTS_DIR = 'snapshots-v1';
export const CACHE_MOUNTS_DIR = 'cache-mounts-v1';
/** Copies of remote repositories, with checkouts. */
export const GIT_DIR = 'git-v1';
/** Databases, and small files that only this store knows. */
export const INDEX_DIR = 'index-v1';
/** Builds that are at work. */
export const SESSIONS_DIR = 'sessions-v1';
/** Logs of failed steps. */
export const LOGS_DIR = 'logs-v1';
/** Files in the making; on the file system of everything else. */
export const TEMP_DIR = 'tmp-v1';
/** Space for the moment when the disk is full. */
export const RESERVE_FILE = 'reserve-v1';
