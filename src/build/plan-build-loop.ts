// Asks the planner until it knows enough: its queries are answered side by side, and it is called again.

import type { DockerfileAst } from '../parser/ast.ts';
import type { ImageFact, ImageQuery, PlanOptions, PlanResult } from '../planner/facts.ts';
import { queryKey } from '../planner/facts.ts';
import type { OutlineRecorder } from '../planner/outline.ts';
import { planBuild } from '../planner/plan-build.ts';

export type ResolveImage = (query: ImageQuery) => Promise<ImageFact>;

export async function planWithFacts(
  ast: DockerfileAst,
  options: PlanOptions,
  resolve: ResolveImage,
  outline?: OutlineRecorder,
): Promise<Exclude<PlanResult, { readonly type: 'needs' }>> {
  const images = new Map<string, ImageFact>();
  for (;;) {
    const result = planBuild(ast, options, { images }, outline);
    if (result.type !== 'needs') return result;
    await Promise.all(
      result.queries.map(async (query) => {
        images.set(queryKey(query), await resolve(query));
      }),
    );
  }
}
