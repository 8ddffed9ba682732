// faces_package.js FRAMES WIDTH HEIGHT [INPUT_SIZE] [cpu|wasm]: times @vladmandic/face-api itself on raw RGB frames, as
// bench-faces times the library: detection, landmarks and expressions of every face. Prints a line "N frames, a face in
// N, N frames/s". Run it in the folder that holds node_modules; faces_package.py says which packages.
const fs = require('fs');
const path = require('path');

function installed(name) {
  return require(require.resolve(name, { paths: [process.cwd()] }));
}

async function prepare(backend) {
  const tf = installed('@tensorflow/tfjs');
  const modules = path.join(process.cwd(), 'node_modules');
  installed('@tensorflow/tfjs-backend-wasm').setWasmPaths(path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'));
  const api = installed('@vladmandic/face-api/dist/face-api.node-wasm.js');
  await tf.setBackend(backend);
  await tf.ready();
  for (const net of [api.nets.tinyFaceDetector, api.nets.faceLandmark68Net, api.nets.faceExpressionNet]) {
    await net.loadFromDisk(path.join(modules, '@vladmandic/face-api/model'));
  }
  return { tf, api };
}

async function main() {
  const [file, width, height, inputSize = 224, backend = 'wasm'] = process.argv.slice(2);
  const { tf, api } = await prepare(backend);
  const options = new api.TinyFaceDetectorOptions({ inputSize: Number(inputSize), scoreThreshold: 0.5 });
  const frames = fs.readFileSync(file);
  const bytes = width * height * 3;
  const n = Math.floor(frames.length / bytes);
  let found = 0;
  let seconds = 0;
  for (let i = -1; i < n; i += 1) { // the frame before the first warms up and is not counted
    const at = Math.max(i, 0) * bytes;
    const start = process.hrtime.bigint();
    const picture = tf.tensor3d(new Uint8Array(frames.subarray(at, at + bytes)), [Number(height), Number(width), 3], 'int32');
    const faces = await api.detectAllFaces(picture, options).withFaceLandmarks().withFaceExpressions();
    tf.dispose(picture);
    if (i >= 0) {
      seconds += Number(process.hrtime.bigint() - start) / 1e9;
      found += faces.length > 0;
    }
  }
  console.log(`${n} frames, a face in ${found}, ${(n / seconds).toFixed(2)} frames/s`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
