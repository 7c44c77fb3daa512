// `tsbuild doctor`: exit code 1 when RUN steps cannot work here.
import { type HostReport, probeHost } from '../../build/host.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';

const MARKS = { good: '✔', fair: '~', missing: '✘' } as const;

const ISOLATION: Readonly<Record<string, string>> = {
  root: 'root, in private namespaces',
  rootless: 'rootless, in a user namespace with ranges of ids',
  single: 'rootless, with a single user id',
  chroot: 'chroot, without namespaces',
};

const TREES: Readonly<Record<HostReport['trees'], string>> = {
  overlay: "the kernel's overlays",
  fuse: 'fuse-overlayfs',
  copy: 'plain copies',
};

export const run: RunCommand = async (args, cli) => {
  const report = await probeHost(cli.root);
  cli.print(args.values.get('format') === 'json' ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return report.isolation === null ? EXIT_FAILED : EXIT_OK;
};

function reportText(report: HostReport): string {
  const width = Math.max(...report.findings.map((finding) => finding.name.length));
  const lines = report.findings.flatMap((finding) => [
    `${MARKS[finding.state]} ${finding.name.padEnd(width)}  ${finding.value}`,
    ...(finding.state === 'good' ? [] : [`  ${' '.repeat(width)}  ${finding.meaning}`]),
    ...(finding.improve === undefined ? [] : [`  ${' '.repeat(width)}  improve: ${finding.improve}`]),
  ]);
  const verdict =
    report.isolation === null
      ? 'RUN steps cannot work here; builds of COPY and metadata can'
      : `isolation of RUN steps: ${ISOLATION[report.isolation] ?? report.isolation}; file systems by ${TREES[report.trees]}`;
  return `${verdict}\n\n${lines.join('\n')}\n`;
}
