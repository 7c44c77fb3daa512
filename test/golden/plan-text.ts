// A plan as compact text for golden files: vertices in order with short names, then config and
// history of each image. Ids and digests are left out: they are covered by unit tests.

import type { Diagnostic } from '../../src/core/diagnostic.ts';
import { formatPlatform } from '../../src/core/platform.ts';
import { lineStarts, positionAt } from '../../src/core/span.ts';
import type { ImagePlan } from '../../src/graph/image-plan.ts';
import type { Op } from '../../src/graph/op.ts';
import type { Vertex, VertexId } from '../../src/graph/vertex.ts';
import type { PlanResult } from '../../src/planner/facts.ts';

const json = (value: unknown): string => JSON.stringify(value);

/** Members in a fixed order, without those that say nothing. */
function fields(op: Op, omit: readonly string[]): string {
  const shown = Object.entries(op).filter(([name, value]) => {
    const empty = value === false || value === '' || (Array.isArray(value) && value.length === 0);
    return name !== 'type' && !omit.includes(name) && !empty && value !== 'never' && value !== 'default' && value !== 'sandbox';
  });
  return shown.map(([name, value]) => ` ${name}=${typeof value === 'string' && !/\s/.test(value) ? value : json(value)}`).join('');
}

function describeOp(op: Op): string {
  switch (op.type) {
    case 'exec':
      return `exec ${json(op.args)}${fields(op, ['args', 'env'])}${op.env.map((pair) => `\n      env ${json(pair)}`).join('')}`;
    case 'image':
      return `image ${op.reference}`;
    default:
      return `${op.type}${fields(op, [])}`;
  }
}

function describeVertex(vertex: Vertex, name: (id: VertexId) => string): string {
  const { meta } = vertex;
  const marks = [
    formatPlatform(meta.platform),
    ...(meta.noCache ? ['no-cache'] : []),
    ...(meta.ttl === undefined ? [] : [`ttl:${meta.ttl}`]),
    ...meta.proxyEnv.map((pair) => `proxy:${pair}`),
  ];
  const inputs = vertex.inputs.length > 0 ? ` (${vertex.inputs.map(name).join(' ')})` : '';
  return `  ${name(vertex.id)}${inputs} ${meta.label} | ${marks.join(' ')}\n      ${describeOp(vertex.op)}`;
}

function describeImage(image: ImagePlan, name: (id: VertexId) => string): string {
  const { platform, target, config, author, history, extra, epoch } = image;
  const lines = [`image ${formatPlatform(platform)} = ${name(target)}`];
  for (const [key, value] of Object.entries({ author, epoch, extra })) if (value !== undefined) lines.push(`  ${key} ${json(value)}`);
  lines.push('  config');
  for (const [key, value] of Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))) lines.push(`    ${key} ${json(value)}`);
  lines.push('  history');
  for (const entry of history) {
    const mark = entry.vertex !== undefined ? name(entry.vertex) : entry.empty_layer ? '-' : 'base';
    lines.push(`    ${mark} ${json(entry.created_by)}`);
  }
  return lines.join('\n');
}

export function describeDiagnostic(diagnostic: Diagnostic, text: string): string {
  const { code, severity, message, span, hint } = diagnostic;
  const at = (offset: number): string => {
    const { line, column } = positionAt(lineStarts({ name: '', text }), offset);
    return `${line}:${column}`;
  };
  const place = span ? `${at(span.start)}-${at(span.end)} ` : '';
  return `${place}${severity} ${code}: ${message}${hint ? ` [${hint}]` : ''}`;
}

export function describePlan(result: PlanResult, text: string): string {
  if (result.type === 'needs')
    return result.queries.map((query) => `needs ${query.reference} ${formatPlatform(query.platform)}\n`).join('');
  const diagnostics = result.diagnostics.map((diagnostic) => `${describeDiagnostic(diagnostic, text)}\n`).join('');
  if (result.type === 'failed') return diagnostics;
  const { graph, images } = result.plan;
  const names = new Map(graph.vertices.map((vertex, at) => [vertex.id, `#${at + 1}`]));
  const name = (id: VertexId): string => names.get(id) ?? '#?';
  const vertices = graph.vertices.map((vertex) => describeVertex(vertex, name)).join('\n');
  return `${diagnostics}graph\n${vertices}\n${images.map((image) => describeImage(image, name)).join('\n')}\n`;
}
