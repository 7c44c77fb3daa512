// The package that calls libc. A start-up snapshot cannot hold native code, and most processes need none, so
// it is loaded by whoever binds functions, when they are bound.
import { createRequire } from 'node:module';

export type Koffi = typeof import('koffi');

/** 7 ms the first time in a process; throws where the platform has no binding. */
export const loadKoffi = (): Koffi => createRequire(import.meta.url)('koffi') as Koffi;
