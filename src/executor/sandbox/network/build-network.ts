// Network of steps. `default` is one private network namespace per build whose outside traffic a
// helper process (pasta or slirp4netns) carries; it starts at the first step that needs it. Where no
// helper works, steps share the host's network, and the user is told once.
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MS_BIND } from '../../namespace-calls.ts';
import type { BundleInput } from '../bundle.ts';
import type { StepHost } from '../step-host.ts';
import { type NetworkHelper, namespaceOf, startHolder, startNetworkHelper } from './network-helper.ts';
import { hostResolvConf, onlyLoopback, stepResolvConf } from './resolv-conf.ts';

export interface AttachedNetwork {
  readonly network: BundleInput['network'];
  /** Text of /etc/resolv.conf. */
  readonly resolver: string;
}

interface Private {
  readonly namespace: string;
  readonly helper: NetworkHelper;
}

const INSTALL = 'install passt (`apt-get install passt`) or slirp4netns for a private network';
const OPEN_TUN = 'a private network needs /dev/net/tun (`modprobe tun`, `chmod 666 /dev/net/tun`)';

/** The device that both helpers need; as root of a user namespace its permissions still count. */
function tunIsOpen(): boolean {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    return true;
  } catch {
    return false;
  }
}

export class BuildNetwork {
  readonly #host: StepHost;
  #private: Promise<Private | null> | undefined;
  readonly #processes: ChildProcess[] = [];

  constructor(host: StepHost) {
    this.#host = host;
  }

  async attach(mode: 'default' | 'none' | 'host'): Promise<AttachedNetwork> {
    const conf = hostResolvConf();
    if (mode === 'host') return { network: { type: 'host' }, resolver: conf };
    if (mode === 'none') return { network: { type: 'new' }, resolver: stepResolvConf(conf, null) };
    this.#private ??= this.#start(onlyLoopback(conf));
    const own = await this.#private;
    if (own === null) return { network: { type: 'host' }, resolver: conf };
    return { network: { type: 'join', path: own.namespace }, resolver: stepResolvConf(conf, own.helper.forwarder) };
  }

  close(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
  }

  /** Null when steps have to share the host's network. */
  async #start(loopbackResolvers: boolean): Promise<Private | null> {
    const holder = await startHolder();
    if (holder?.pid === undefined) {
      this.#giveUp('network namespaces are refused');
      return null;
    }
    this.#processes.push(holder);
    const { helper, problems } = await startNetworkHelper(holder.pid, this.#bind(holder.pid), loopbackResolvers);
    if (helper === null) {
      this.#giveUp(`${problems.join(', ')}; ${tunIsOpen() ? INSTALL : OPEN_TUN}`);
      return null;
    }
    this.#processes.push(helper.child);
    helper.child.once('exit', () => {
      this.#private = undefined;
    });
    return { namespace: namespaceOf(holder.pid), helper };
  }

  /**
   * The namespace as a file of our own: without root, pasta drops the right to look into other
   * processes before it opens what it is given.
   */
  #bind(holder: number): string {
    const { calls, workplace } = this.#host;
    const path = join(workplace.run, `network-${this.#host.nextName()}`);
    try {
      writeFileSync(path, '', { flag: 'wx' });
      calls.mount(namespaceOf(holder), path, null, MS_BIND);
      return path;
    } catch {
      return namespaceOf(holder);
    }
  }

  #giveUp(reason: string): void {
    this.#host.noticeOnce(`steps use the network of this machine: ${reason}`);
  }
}
