// docker-credential-* programs: one JSON or text message on stdin, one on stdout.
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { cleanText } from '../registry-error.ts';
import type { Credential } from './credential.ts';

export type HelperAction = 'get' | 'store' | 'erase';

const TIMEOUT = 60_000;
const MAX_OUTPUT = 64 * 1024;
/** Fixed text of the helper protocol (docker-credential-helpers) for "I have none". */
const NOT_FOUND = 'credentials not found in native keychain';
/** User name that marks the secret as an identity token. */
const TOKEN_USER = '<token>';

/** The helper's credential for `server`, or null. Errors: 'registry/credential-helper'. */
export async function getFromHelper(helper: string, server: string, env: NodeJS.ProcessEnv): Promise<Credential | null> {
  const { code, output } = await runHelper(helper, 'get', server, env);
  if (code !== 0) {
    if (output.trim() === NOT_FOUND) return null;
    throw failed(helper, `"get" ended with status ${code}: ${cleanText(output, 200)}`);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    throw failed(helper, 'its answer is not JSON');
  }
  const { Username: username, Secret: secret } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  if (typeof username !== 'string' || typeof secret !== 'string') throw failed(helper, 'its answer lacks Username or Secret');
  if (username === '' && secret === '') return null;
  return username === TOKEN_USER ? { type: 'identity-token', token: secret } : { type: 'basic', username, password: secret };
}

export async function storeInHelper(helper: string, server: string, credential: Credential, env: NodeJS.ProcessEnv): Promise<void> {
  const [username, secret] = credential.type === 'basic' ? [credential.username, credential.password] : [TOKEN_USER, credential.token];
  const { code, output } = await runHelper(helper, 'store', JSON.stringify({ ServerURL: server, Username: username, Secret: secret }), env);
  if (code !== 0) throw failed(helper, `"store" ended with status ${code}: ${cleanText(output, 200)}`);
}

export async function eraseInHelper(helper: string, server: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { code, output } = await runHelper(helper, 'erase', server, env);
  if (code !== 0 && output.trim() !== NOT_FOUND) throw failed(helper, `"erase" ended with status ${code}: ${cleanText(output, 200)}`);
}

const failed = (helper: string, reason: string, cause?: unknown): TsbuildError =>
  new TsbuildError({
    code: 'registry/credential-helper',
    message: `docker-credential-${helper}: ${reason}`,
    hint: 'Install or repair the helper, or remove it from credsStore and credHelpers of the Docker configuration.',
    cause,
  });

async function runHelper(
  helper: string,
  action: HelperAction,
  input: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  // The name comes from a file: it must stay one program name.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) {
    throw new TsbuildError({
      code: 'registry/bad-config',
      message: `${JSON.stringify(cleanText(helper, 100))} is not a name of a credential helper`,
    });
  }
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${helper}`, [action], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      output += text;
      if (output.length > MAX_OUTPUT) child.kill('SIGKILL');
    });
    child.on('error', (error) =>
      reject(
        failed(helper, errnoOf(error) === 'ENOENT' ? 'not found in PATH' : `cannot be started (${errnoOf(error) ?? error.name})`, error),
      ),
    );
    child.on('close', (code, signal) => {
      if (signal !== null) reject(failed(helper, `"${action}" was killed (${signal})`));
      else resolve({ code: code ?? 1, output });
    });
    // A helper that answers without reading closes its end.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
