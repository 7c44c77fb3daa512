// Runs the `git` program against repositories that must be taken for hostile. Its environment is made
// from nothing: no configuration of the user or the machine, no prompts, no hooks, no filters, and only
// the protocols that the call names. Configuration travels in the environment, so that no token is ever
// on a command line.
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { displayText } from '../../../core/display-text.ts';
import { TsbuildError } from '../../../core/errors.ts';

export interface GitCall {
  readonly args: readonly string[];
  readonly gitDir?: string;
  readonly workTree?: string;
  readonly indexFile?: string;
  /** Protocols git may speak during this call; none unless given. */
  readonly protocols?: readonly string[];
  /** Settings of this call alone; may hold secrets. */
  readonly config?: readonly (readonly [string, string])[];
  /** What messages call the repository. */
  readonly shown: string;
  /** What git reads from its standard input; nothing unless given. */
  readonly input?: Uint8Array;
  /** Called with output as it comes, instead of collecting it. */
  readonly onOutput?: (chunk: Buffer) => void;
}

export interface GitProgramOptions {
  /** Directory of the store that `known_hosts` is kept in. */
  readonly state: string;
  /** Agent socket of `--ssh default`. */
  readonly sshSocket: string | undefined;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What git needs from the environment to reach the network; everything else stays out. */
const INHERITED = ['PATH', 'LANG', 'TMPDIR', 'GIT_SSL_CAINFO', 'GIT_SSL_CAPATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]);

const MAX_OUTPUT = 64 * 1024 * 1024;
const MAX_ERROR = 8 * 1024;
const NOT_FOUND = 127;

/** Holds for every call. Slow means: under 100 bytes a second for a minute. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.logAllRefUpdates', 'false'],
  ['core.autocrlf', 'false'],
  ['core.symlinks', 'true'],
  ['credential.helper', ''],
  ['fetch.recurseSubmodules', 'false'],
  ['fetch.unpackLimit', '1'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['advice.detachedHead', 'false'],
  ['init.defaultBranch', 'main'],
  ['http.lowSpeedLimit', '100'],
  ['http.lowSpeedTime', '60'],
  ['protocol.version', '2'],
];

export class GitProgram {
  readonly #options: GitProgramOptions;

  constructor(options: GitProgramOptions) {
    this.#options = options;
  }

  /** Output of the command. Throws build/git with what git said, or the reason of the abort. */
  async run(call: GitCall): Promise<Buffer> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    // The shell sets the umask: modes of a checkout must not depend on who builds.
    const child = spawn('/bin/sh', ['-c', 'umask 022 && exec git "$@"', 'git', ...call.args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: this.#environment(call),
      cwd: '/',
      // A group of its own: git's helpers do not end with it.
      detached: true,
    });
    // A git that ends before it has read everything says why by its exit code.
    child.stdin.on('error', () => undefined).end(call.input);
    const stop = (): void => {
      if (child.pid !== undefined) endGroup(child.pid);
    };
    signal.addEventListener('abort', stop, { once: true });
    const output: Buffer[] = [];
    let size = 0;
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (call.onOutput !== undefined) return call.onOutput(chunk);
      size += chunk.length;
      if (size <= MAX_OUTPUT) output.push(chunk);
      else stop();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MAX_ERROR);
    });
    const code = await new Promise<number | Error>((resolve) => {
      child.on('error', resolve);
      child.on('close', (status) => resolve(status ?? -1));
    });
    signal.removeEventListener('abort', stop);
    signal.throwIfAborted();
    if (code === 0 && size <= MAX_OUTPUT) return Buffer.concat(output);
    throw failure(call, code, size > MAX_OUTPUT ? 'the answer is too large' : said);
  }

  #environment(call: GitCall): Record<string, string> {
    const { env } = this.#options;
    const config = [...SETTINGS, ...(call.config ?? [])];
    const out: Record<string, string> = {
      HOME: '/dev/null',
      XDG_CONFIG_HOME: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: 'false',
      GIT_LFS_SKIP_SMUDGE: '1',
      GIT_ALLOW_PROTOCOL: (call.protocols ?? []).join(':') || 'none',
      GIT_SSH_VARIANT: 'ssh',
      GIT_SSH_COMMAND: this.#sshCommand(),
      GIT_CONFIG_COUNT: String(config.length),
      ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
      ...(call.workTree === undefined ? {} : { GIT_WORK_TREE: call.workTree }),
      ...(call.indexFile === undefined ? {} : { GIT_INDEX_FILE: call.indexFile }),
    };
    for (const name of [...INHERITED, ...PROXIES]) {
      const value = env[name];
      if (value !== undefined) out[name] = value;
    }
    for (const [at, [key, value]] of config.entries()) {
      out[`GIT_CONFIG_KEY_${at}`] = key;
      out[`GIT_CONFIG_VALUE_${at}`] = value;
    }
    return out;
  }

  /** Only the agent that was handed over; hosts seen for the first time are remembered, changed ones refused. */
  #sshCommand(): string {
    const { state, sshSocket } = this.#options;
    const known = [join(state, 'known_hosts'), join(homedir(), '.ssh', 'known_hosts')].map((path) => `"${path}"`).join(' ');
    const options = [
      'BatchMode=yes',
      `IdentityAgent=${sshSocket === undefined ? 'none' : `"${sshSocket}"`}`,
      'IdentityFile=none',
      'StrictHostKeyChecking=accept-new',
      `UserKnownHostsFile=${known}`,
      'ForwardAgent=no',
      'PermitLocalCommand=no',
    ];
    return ['ssh -F /dev/null', ...options.map((option) => `-o ${shellQuote(option)}`)].join(' ');
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function failure(call: GitCall, code: number | Error, said: string): TsbuildError {
  if (code === NOT_FOUND || code instanceof Error) {
    return new TsbuildError({
      code: 'build/git',
      message: `the program "git" cannot be started, and ${call.shown} is a git repository`,
      hint: 'Install git, or pass a checkout with --build-context NAME=DIR.',
      ...(code instanceof Error ? { cause: code } : {}),
    });
  }
  const lines = hideSecrets(call, said)
    .split(/[\r\n]+/)
    .map((line) => displayText(line.trim()))
    .filter((line) => line !== '' && !/^(?:hint|From |remote: (?:Enumerating|Counting|Compressing|Total))/.test(line));
  const reason = lines.slice(-4).join('; ') || `exit code ${code}`;
  return new TsbuildError({
    code: 'build/git',
    message: `${call.shown}: ${reason}`,
    hint: 'Check URL and ref. Private repositories need --secret id=GIT_AUTH_TOKEN,env=NAME (https) or --ssh default (ssh).',
    data: { exitCode: code },
  });
}

/** Git that ran and ended with an error, as opposed to one that could not be started. */
export const gitFailed = (error: unknown): error is TsbuildError => error instanceof TsbuildError && error.data['exitCode'] !== undefined;

/** Git that was asked a question and said no, as opposed to one that could not answer. */
export const saidNo = (error: unknown): boolean => gitFailed(error) && error.data['exitCode'] === 1;

/** Whether git says yes; a failure to answer is thrown. */
export const saysYes = (answer: Promise<unknown>): Promise<boolean> =>
  answer.then(
    () => true,
    (error: unknown) => {
      if (saidNo(error)) return false;
      throw error;
    },
  );

/** Git does not print headers, but what it prints comes from the server. */
function hideSecrets(call: GitCall, text: string): string {
  let out = text;
  for (const [key, value] of call.config ?? []) {
    if (!key.endsWith('.extraheader')) continue;
    for (const part of value.split(' ').slice(1)) if (part.length > 3) out = out.replaceAll(part, '****');
  }
  return out;
}
