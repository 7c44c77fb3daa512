// Two targets that give their images one tag: whichever is finished last would win, so a build refuses
// it, with both places. Printing does not, as buildx does not.
import { formatReference, tryParseReference, withDefaultTag } from '../core/reference.ts';
import type { BakeTarget } from './bake-target.ts';
import type { Config } from './definition/config.ts';
import { type BakeDiagnostic, problem } from './problem.ts';

/** Only targets that make images count; names are compared in full form. */
export function sharedTags(targets: readonly BakeTarget[], config: Config): BakeDiagnostic[] {
  const owners = new Map<string, string>();
  const conflicts: BakeDiagnostic[] = [];
  for (const target of targets) {
    if (target.linked || (target.call !== undefined && target.call !== 'build')) continue;
    for (const tag of new Set((target.tags ?? []).map(fullName))) {
      const other = owners.get(tag);
      if (other !== undefined) conflicts.push(conflict(tag, other, target.name, config));
      owners.set(tag, target.name);
    }
  }
  return conflicts;
}

function fullName(tag: string): string {
  const parsed = tryParseReference(tag);
  return parsed.ok ? formatReference(withDefaultTag(parsed.reference)) : tag;
}

function conflict(tag: string, first: string, second: string, config: Config): BakeDiagnostic {
  const here = config.places.get(second);
  const there = config.places.get(first);
  const sameFile = here !== undefined && here.file === there?.file;
  const labels = sameFile && there !== undefined ? [{ span: there.span, text: `${first} has it too` }] : undefined;
  const notes = !sameFile && there !== undefined ? [`${first} is defined in ${there.file.name}`] : undefined;
  const place = {
    ...(here === undefined ? {} : { span: here.span }),
    ...(labels === undefined ? {} : { labels }),
    ...(notes === undefined ? {} : { notes }),
  };
  const hint = 'give each image a tag of its own';
  const message = `targets ${first} and ${second} both have the tag ${tag}`;
  return { diagnostic: problem('bake/tag-conflict', message, { ...place, hint }), file: here?.file ?? null };
}
