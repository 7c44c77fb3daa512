import type { CodeInfo } from '../codes.ts';

/** Assembling images, and archives that hold them. */
export const IMAGE_ERRORS = {
  'image/single-platform-only': {
    title: 'Format holds one platform only',
    explanation:
      'The archive format of `docker load` describes one image for one platform. Build one platform, or use type=oci, which holds several.',
  },
  'image/bad-archive': {
    title: 'Not a usable image archive',
    explanation:
      'The file is not an OCI layout or `docker save` archive, is cut short, or its parts contradict each other. Make the archive again; xz and bzip2 archives must be decompressed first.',
  },
  'image/incomplete-archive': {
    title: 'Archive lacks a part of the image',
    explanation: 'A manifest in the archive refers to a config or layer that is not in it. Save the image again with all its layers.',
  },
  'image/unsafe-archive': {
    title: 'Archive refused as unsafe',
    explanation:
      'The archive holds links that lead out of it, or documents or counts far beyond those of any image. Nothing of it was kept that could be used.',
  },
  'image/output-not-writable': {
    title: 'Output cannot be written',
    explanation: 'A file or directory given as the destination of an output cannot be written. The message holds the path and the reason.',
  },
  'image/output-conflict': {
    title: 'Files of several platforms collide',
    explanation:
      'With platform-split=false the trees of all platforms go into one directory, and two of them hold the same path. Leave platform-split on, or build one platform.',
  },
} as const satisfies Record<`image/${string}`, CodeInfo>;
