// Services from a file in another directory: their paths are relative to that file.
import { type Data, type DataMap, isList, isMap } from './yaml-data.ts';

/** Whether a context or source is a path, not a URL or `service:NAME`. */
export const isPath = (text: string): boolean => !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) && !/^git@|^github\.com\//.test(text);

export const rebaseServices = (services: DataMap, directory: string): DataMap =>
  Object.fromEntries(Object.entries(services).map(([name, service]) => [name, rebaseService(service, directory)]));

export function rebaseService(service: Data, directory: string): Data {
  if (!isMap(service) || directory === '' || directory === '.') return service;
  const move = (path: Data): Data => (typeof path === 'string' && isPath(path) && !path.startsWith('/') ? `${directory}/${path}` : path);
  const { build, env_file: files } = service;
  return {
    ...service,
    ...(build === undefined || build === null ? {} : { build: movedBuild(build, move) }),
    ...(files === undefined ? {} : { env_file: movedFiles(files, move) }),
  };
}

function movedBuild(build: Data, move: (path: Data) => Data): Data {
  if (!isMap(build)) return move(build);
  const contexts = build['additional_contexts'];
  return {
    ...build,
    context: move(build['context'] ?? '.'),
    ...(contexts === undefined ? {} : { additional_contexts: movedContexts(contexts, move) }),
  };
}

function movedContexts(contexts: Data, move: (path: Data) => Data): Data {
  if (isMap(contexts)) return Object.fromEntries(Object.entries(contexts).map(([name, source]) => [name, move(source)]));
  if (!isList(contexts)) return contexts;
  return contexts.map((item) => {
    const text = String(item);
    const at = text.indexOf('=');
    return at === -1 ? item : `${text.slice(0, at + 1)}${String(move(text.slice(at + 1)))}`;
  });
}

const movedFiles = (files: Data, move: (path: Data) => Data): Data =>
  isList(files)
    ? files.map((file) => (isMap(file) ? { ...file, path: move(file['path'] ?? null) } : move(file)))
    : isMap(files)
      ? { ...files, path: move(files['path'] ?? null) }
      : move(files);
