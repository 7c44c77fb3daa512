// A repository of many images: each has a folder with a package file, some sources and a Dockerfile of ten
// steps, of which the first two are the same for all. `SALT` makes every step another one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Monorepo {
  readonly dir: string;
  /** Changes one source file of that many images. */
  edit(images: number, text: string): void;
}

const SOURCES = 12;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

const dockerfile = (base: string): string => `FROM ${base}
ARG SALT
RUN echo $SALT > /salt && seq 1 60000 > /toolchain
RUN seq 1 20000 > /packages
WORKDIR /app
COPY package.json ./
RUN cat package.json > /app/lock && seq 1 5000 > /app/modules
COPY lib lib
COPY src src
RUN cat src/* lib/* > /app/bundle
COPY service.conf /etc/
WORKDIR /var/run/service
CMD ["cat", "/app/bundle"]
`;

/** `tags` are `REGISTRY/NAME-1:1` and so on. */
export function writeMonorepo(dir: string, { images, base, tags }: { images: number; base: string; tags: string }): Monorepo {
  const source = (image: number, file: number): string => join(dir, `service-${image}`, 'src', `file${file}.js`);
  const targets: string[] = [];
  for (const image of numbers(images)) {
    const folder = join(dir, `service-${image}`);
    for (const name of ['src', 'lib']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'Dockerfile'), dockerfile(base));
    writeFileSync(join(folder, 'package.json'), `{ "name": "service-${image}" }\n`);
    writeFileSync(join(folder, 'service.conf'), `name = ${image}\n`);
    for (const file of numbers(SOURCES)) {
      writeFileSync(source(image, file), `export const value = ${image * file};\n`.repeat(40));
      writeFileSync(join(folder, 'lib', `part${file}.js`), `export const part = ${image + file};\n`.repeat(40));
    }
    targets.push(
      `target "service-${image}" {\n  context = "service-${image}"\n  args = { SALT = SALT }\n  network = "host"\n  tags = ["${tags}-${image}:1"]\n}\n`,
    );
  }
  const names = numbers(images).map((image) => `service-${image}`);
  writeFileSync(
    join(dir, 'docker-bake.hcl'),
    `variable "SALT" { default = "" }\ngroup "default" {\n  targets = ${JSON.stringify(names)}\n}\n${targets.join('')}`,
  );
  return {
    dir,
    edit(count, text) {
      for (const image of numbers(count)) writeFileSync(source(image, 1), `export const value = ${JSON.stringify(text)};\n`);
    },
  };
}
