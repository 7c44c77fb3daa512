// Values of --secret, read when they are needed and kept by nobody.
import { readFileSync } from 'node:fs';
import { secretDigest } from '../../cache/store-secret.ts';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import type { Op } from '../../graph/op.ts';
import type { SecretSource } from './build-request.ts';

/** Throws build/secret-missing, naming the secret, never its value. */
export function secretValue(id: string, source: SecretSource): Uint8Array {
  if (source.type === 'env') return Buffer.from(process.env[source.name] ?? '', 'utf8');
  try {
    return readFileSync(source.path);
  } catch (cause) {
    throw new TsbuildError({
      code: 'build/secret-missing',
      message: `secret ${id}: cannot read ${source.path} (${errnoOf(cause) ?? 'unknown error'})`,
      cause,
    });
  }
}

/**
 * What a step's key holds of the secrets that it names: digests under the store's own key, which say nothing
 * to somebody who has only the record. Undefined for the usual step, which names none.
 */
export function keyedSecrets(
  root: string,
  op: Op,
  secrets: Readonly<Record<string, SecretSource>>,
): Readonly<Record<string, string>> | undefined {
  if (op.type !== 'exec' || op.secretKeys === undefined) return undefined;
  return Object.fromEntries(
    op.secretKeys.map((id) => {
      const source = Object.hasOwn(secrets, id) ? secrets[id] : undefined;
      return [id, source === undefined ? 'absent' : secretDigest(root, id, secretValue(id, source))];
    }),
  );
}

/**
 * A secret that becomes the value of an HTTP header: one line, without the newline that files end in.
 * Null when the command line does not give it or it is empty.
 */
export function headerSecret(secrets: Readonly<Record<string, SecretSource>>, id: string): string | null {
  const source = Object.hasOwn(secrets, id) ? secrets[id] : undefined;
  if (source === undefined) return null;
  const text = Buffer.from(secretValue(id, source)).toString('utf8').trim();
  if (text === '') return null;
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw new TsbuildError({
      code: 'build/secret-missing',
      message: `secret ${id} cannot be sent: it has characters that no HTTP header may have`,
      hint: 'Give the token or header value alone, on one line.',
    });
  }
  return text;
}
