// `--call=targets`: the stages that a build can be asked for (S-03).

import type { TargetInfo } from '../../build/inspect-build.ts';
import type { SourceFile } from '../../core/span.ts';
import { columns } from './columns.ts';
import { locationOf, printJson, sourceData } from './docker-json.ts';

export function targetsText(targets: readonly TargetInfo[]): string {
  const rows = targets.map((target) => [
    [target.name, target.default ? '(default)' : ''].filter(Boolean).join(' '),
    target.description ?? '',
  ]);
  return columns([['TARGET', 'DESCRIPTION'], ...rows], 1);
}

export function targetsJson(targets: readonly TargetInfo[], file: SourceFile): string {
  const shown = targets.map(({ name, default: isDefault, description, base, platform, span }) => ({
    ...(name !== '' && { name }),
    ...(isDefault && { default: true }),
    ...(description !== undefined && { description }),
    base,
    ...(platform !== undefined && { platform }),
    location: locationOf(span, file),
  }));
  return printJson({ targets: shown, sources: [sourceData(file)] });
}
