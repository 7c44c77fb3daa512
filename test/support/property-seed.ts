// Setup of every test file: properties without a seed of their own take TSBUILD_SEED, else a new one each time.
import fc from 'fast-check';

const seed = process.env['TSBUILD_SEED'];
if (seed !== undefined && seed !== '') fc.configureGlobal({ seed: Number(seed) });
