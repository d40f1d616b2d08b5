import type { EnginePack } from '../engine/engine-pack.ts';

const VERSION = '2.21.0';
const PYTHON = '311';
/** Both libraries of a wheel unpacked (853 MB on Linux x64), and some room. */
const UNPACKED_BYTES = 1_100_000_000;

/** The packs that there are: the wheels that a checkout's set-up takes TensorFlow from (scripts/setup), with their published hashes. */
export const ENGINE_PACKS: readonly EnginePack[] = [
  tensorflow('linux-x64', {
    package: 'tensorflow-cpu',
    pipPlatform: 'manylinux_2_27_x86_64',
    bytes: 273_829_956,
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  }),
  tensorflow('linux-arm64', {
    package: 'tensorflow',
    pipPlatform: 'manylinux_2_27_aarch64',
    bytes: null,
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  }),
  tensorflow('darwin-arm64', {
    package: 'tensorflow',
    pipPlatform: 'macosx_12_0_arm64',
    bytes: null,
    sha256: '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    libraries: ['libtensorflow_cc.2.dylib', 'libtensorflow_framework.2.dylib'],
  }),
];

interface Wheel {
  package: string;
  pipPlatform: string;
  bytes: number | null;
  sha256: string;
  libraries: readonly string[];
}

function tensorflow(platform: string, { libraries, ...wheel }: Wheel): EnginePack {
  const name = wheel.package.replaceAll('-', '_');
  return {
    id: 'tensorflow-cpu',
    engine: 'tensorflow-cpu',
    title: 'TensorFlow for the processor',
    version: VERSION,
    platform,
    licence: 'Apache-2.0',
    archive: { ...wheel, pythonVersion: PYTHON, file: `${name}-${VERSION}-cp${PYTHON}-cp${PYTHON}-${wheel.pipPlatform}.whl` },
    members: libraries.map((each) => `tensorflow/${each}`),
    unpackedBytes: UNPACKED_BYTES,
  };
}
