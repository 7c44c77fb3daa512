// What the preparers of mounts answer: something to show, before it is clear where.

/** What a mount shows, before it is clear where. */
export interface MountContent {
  readonly kind: 'dir' | 'file';
  /** Absolute; null for a file system that the runtime makes. */
  readonly hostPath: string | null;
  readonly options: readonly string[];
  /** The runtime may make mount points of nested mounts inside: nothing of it is kept, or it is meant to grow. */
  readonly growable: boolean;
}

/** A file of the executor's own that appears in the step: /etc/hosts, /etc/resolv.conf. */
export interface ProvidedFile {
  readonly target: string;
  readonly hostPath: string;
}

export const BIND_FILE_OPTIONS: readonly string[] = ['rbind', 'ro', 'nosuid', 'nodev', 'noexec'];
