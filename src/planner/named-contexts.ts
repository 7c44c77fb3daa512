// Lookup of named contexts (K-12, K-13): names are compared in Docker's short form without
// `:latest`, and `name::platform` wins over `name`.
import { formatPlatform, type Platform } from '../core/platform.ts';
import { familiarReference, tryParseReference } from '../core/reference.ts';
import type { NamedContext } from './facts.ts';

/** The form under which a context name is known; names that are no reference stay as they are. */
export function contextName(text: string): string {
  const parsed = tryParseReference(text);
  if (!parsed.ok) return text;
  const familiar = familiarReference(parsed.reference);
  return parsed.reference.digest === undefined ? familiar.replace(/:latest$/, '') : familiar;
}

export interface FoundContext {
  /** As the user gave it: the key of the options. */
  readonly name: string;
  readonly context: NamedContext;
}

export class NamedContexts {
  readonly #contexts = new Map<string, FoundContext>();

  constructor(contexts: Readonly<Record<string, NamedContext>>) {
    for (const [name, context] of Object.entries(contexts)) {
      const [base = '', platform] = name.split('::', 2);
      this.#contexts.set(contextName(base) + (platform === undefined ? '' : `::${platform}`), { name, context });
    }
  }

  /** `scratch` and `context` are never replaced (F-07). */
  find(name: string, platform: Platform): FoundContext | undefined {
    if (name === 'scratch' || name === 'context' || this.#contexts.size === 0) return undefined;
    const known = contextName(name);
    return this.#contexts.get(`${known}::${formatPlatform(platform)}`) ?? this.#contexts.get(known);
  }
}
