// Network of steps. `default` is one private network namespace per build whose outside traffic a
// helper process (pasta or slirp4netns) carries; it starts at the first step that needs it. Where no
// helper works, steps share the host's network, and the user is told once.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../core/errors.ts';
import type { BundleInput } from './bundle.ts';
import { type NetworkHelper, startNetworkHelper } from './network-helper.ts';
import { hostResolvConf, onlyLoopback, stepResolvConf } from './resolv-conf.ts';
import type { StepHost } from './step-host.ts';

export interface AttachedNetwork {
  readonly network: BundleInput['network'];
  /** Text of /etc/resolv.conf. */
  readonly resolver: string;
}

interface Private {
  readonly namespace: string;
  readonly helper: NetworkHelper;
}

const HINT = 'install passt (`apt-get install passt`) or slirp4netns for a private network';

export class BuildNetwork {
  readonly #host: StepHost;
  #private: Promise<Private | null> | undefined;
  #helper: NetworkHelper | undefined;

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
    this.#helper?.child.kill('SIGKILL');
  }

  /** Null when steps have to share the host's network. */
  async #start(loopbackResolvers: boolean): Promise<Private | null> {
    const { calls, workplace } = this.#host;
    const namespace = join(workplace.run, 'network');
    writeFileSync(namespace, '');
    try {
      calls.createNetworkNamespace(namespace);
    } catch (error) {
      this.#giveUp(`network namespaces are refused (${errnoOf(error) ?? String(error)})`);
      return null;
    }
    const { helper, problems } = await startNetworkHelper(calls, namespace, loopbackResolvers);
    if (helper === null) {
      this.#giveUp(`${problems.join(', ')}; ${HINT}`);
      return null;
    }
    this.#helper = helper;
    helper.child.once('exit', () => {
      this.#private = undefined;
    });
    return { namespace, helper };
  }

  #giveUp(reason: string): void {
    this.#host.noticeOnce(`steps use the network of this machine: ${reason}`);
  }
}
