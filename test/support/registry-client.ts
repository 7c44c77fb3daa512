// A registry client for tests: no configuration of the machine, no waiting, credentials by hand.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryClient, type RegistryClient, type RegistryClientOptions } from '../../src/push/registry/client.ts';
import type { Credential } from '../../src/push/registry/credentials/credential.ts';
import { registryEnvironment } from '../../src/push/registry/environment.ts';
import type { Timer } from '../../src/push/registry/http/retry.ts';

export interface TestTimer extends Timer {
  /** Milliseconds of each wait that was asked for. */
  readonly slept: number[];
  /** Moves the clock. */
  advance(milliseconds: number): void;
}

/** Waits take no time but are written down, and move the clock. */
export function createTestTimer(): TestTimer {
  let now = Date.UTC(2026, 0, 1);
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    random: () => 0.5,
    advance: (milliseconds) => {
      now += milliseconds;
    },
    sleep: async (milliseconds) => {
      slept.push(milliseconds);
      now += milliseconds;
    },
  };
}

export interface TestClientOptions extends Partial<RegistryClientOptions> {
  readonly env?: Readonly<Record<string, string>>;
  /** Stands for /etc. */
  readonly etc?: string;
  readonly credential?: Credential | null;
}

export function createTestClient({ env = {}, etc = '/nonexistent', credential, ...options }: TestClientOptions = {}): RegistryClient {
  return createRegistryClient({
    environment: registryEnvironment({ HOME: '/nonexistent', XDG_RUNTIME_DIR: '/nonexistent', ...env }, etc),
    timer: createTestTimer(),
    ...(credential !== undefined && { credentials: async () => credential }),
    ...options,
  });
}

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'tsbuild-test-'));
