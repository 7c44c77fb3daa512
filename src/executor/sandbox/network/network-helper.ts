// The processes behind a private network: one that holds the namespace open, and pasta or slirp4netns,
// which carries its traffic, closes the host's loopback to the steps, and is ready when a route appears.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { toolPath } from '../../launch.ts';
import { findProgram } from '../find-program.ts';
import { readHostFile } from '../host-file.ts';

export interface NetworkHelper {
  readonly child: ChildProcess;
  /** Address that answers name queries for the host's resolvers, or null: ask the host's resolvers directly. */
  readonly forwarder: string | null;
}

interface Kind {
  readonly program: string;
  readonly args: (namespace: string) => readonly string[];
  readonly forwarder: string | null;
}

const CLOSED_PORTS = ['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'];
const PASTA_BASE = ['--foreground', '--quiet', '--config-net', '--no-map-gw', ...CLOSED_PORTS, '--netns-only', '--runas', '0:0'];
/** Link-local, so that it hides no real address. */
const PASTA_FORWARDER = '169.254.1.1';
const SLIRP_FORWARDER = '10.0.2.3';
const START_TIMEOUT = 5_000;
const POLL = 3;

const PASTA: Kind = { program: 'pasta', args: (namespace) => [...PASTA_BASE, '--netns', namespace], forwarder: null };
const PASTA_FORWARDING: Kind = {
  program: 'pasta',
  args: (namespace) => [...PASTA_BASE, '--dns-forward', PASTA_FORWARDER, '--netns', namespace],
  forwarder: PASTA_FORWARDER,
};
const SLIRP: Kind = {
  program: 'slirp4netns',
  args: (namespace) => ['--configure', '--mtu=65520', '--disable-host-loopback', '--netns-type=path', namespace, 'tap0'],
  forwarder: SLIRP_FORWARDER,
};

interface Served {
  readonly holder: number;
  readonly namespace: string;
}

export interface HelperStart {
  readonly helper: NetworkHelper | null;
  /** Why each that was tried did not work. */
  readonly problems: readonly string[];
}

/**
 * Serves the namespace of process `holder`, of which `namespace` is a path. pasta is faster; slirp4netns
 * forwards to resolvers on the host's loopback more reliably, so it goes first when there are no others.
 */
export async function startNetworkHelper(holder: number, namespace: string, loopbackResolvers: boolean): Promise<HelperStart> {
  const problems: string[] = [];
  for (const kind of loopbackResolvers ? [SLIRP, PASTA_FORWARDING] : [PASTA, SLIRP]) {
    const path = findProgram(kind.program);
    if (path === null) {
      problems.push(`${kind.program} is not installed`);
      continue;
    }
    const started = await tryHelper(kind, path, { holder, namespace });
    if (typeof started !== 'string') return { helper: started, problems };
    problems.push(`${kind.program} failed${started === '' ? '' : ` (${started})`}`);
  }
  return { helper: null, problems };
}

async function tryHelper(kind: Kind, path: string, { holder, namespace }: Served): Promise<NetworkHelper | string> {
  const child = spawn(path, kind.args(namespace), { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: toolPath() } });
  let ended = false;
  let text = '';
  child.once('error', () => {
    ended = true;
  });
  child.once('exit', () => {
    ended = true;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-2_000);
  });
  for (const deadline = Date.now() + START_TIMEOUT; !ended && Date.now() < deadline; ) {
    if (hasRoute(holder)) return { child, forwarder: kind.forwarder };
    await delay(POLL);
  }
  child.kill('SIGKILL');
  return lastComplaint(text);
}

/** A route beyond the header line: the helper has configured the interface. */
const hasRoute = (holder: number): boolean => (readHostFile(`/proc/${holder}/net/route`) ?? '').trim().split('\n').length > 1;

export const namespaceOf = (holder: number): string => `/proc/${holder}/ns/net`;

/**
 * A shell that waits in a new network namespace. Null when the kernel refuses one. The executor itself
 * cannot go in to make it: without root it could not come back.
 */
export async function startHolder(): Promise<ChildProcess | null> {
  const child = spawn('unshare', ['-n', 'sh', '-c', 'echo; read -r end'], { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: toolPath() } });
  child.stdin.on('error', () => {});
  return await new Promise((resolve) => {
    child.stdout.once('data', () => resolve(child));
    child.once('error', () => resolve(null));
    child.once('close', () => resolve(null));
  });
}

/** pasta repeats itself for a missing syslog; what is left is the reason. */
const lastComplaint = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.includes('syslog'))
    .slice(-1)
    .join('')
    .trim()
    .slice(0, 200);
