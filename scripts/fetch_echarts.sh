#!/usr/bin/env bash
# scripts/fetch_echarts.sh [FOLDER]: the part of Apache ECharts that reports draw charts with, from its pinned npm packages or
# from FOLDER, which has their .tgz files. Prints the script's path. The build inlines it in reports; nothing of it is kept in
# the repository. The bundle is the same on every machine: its digest is pinned as well.
#
# Bundled for what charts use (lines, points, bars, heat maps; no maps, no pies), it has 654 kB where the whole has 1,120 kB.
set -euo pipefail
bundle_sha256=3a16381f689f6c80ebabb04de73934ca6578759fff907a5ded5c71db973f08f4
version=6.1.0
packages="
681aff88cc1038c3fa941a3a53d1b177a52250b05335efc607d6105ae13be481 echarts echarts@6.1.0
38f2fb722a638be016ca0175b139c40c886ef47fc2afdb741b2e7e7ae9683f9c zrender zrender@6.1.0
ae285639feff7e3c39de4626352181a5d73b815725e42639b411c43848abffdb tslib tslib@2.3.0"
case $(uname -m) in
x86_64) packages+="
95a928d8187c6f7ad632a3f3bbf01f66dfd5b5adb724b8bfeec5fff73ff2d91a esbuild @esbuild/linux-x64@0.25.5" ;;
aarch64) packages+="
ae5a580130af1a7c7b8760466c9ae85a25782e63330b8c2855cc15ed007dd30d esbuild @esbuild/linux-arm64@0.25.5" ;;
*) echo "no bundler for $(uname -m): take FILE from another machine's cache" >&2 && exit 1 ;;
esac
folder=${VALENCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/valence}/echarts-$version
bundle=$folder/echarts-${bundle_sha256:0:12}.js

# The package's file name is that of `npm pack`: "@esbuild/linux-x64@0.25.5" becomes "esbuild-linux-x64-0.25.5.tgz".
file_of() {
    local name=${1#@}
    name=${name//\//-}
    echo "${name//@/-}.tgz"
}

if [ ! -e "$bundle" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    source=${1:-$work}
    while read -r sha256 name package; do
        [ -n "$name" ] || continue
        file=$source/$(file_of "$package")
        [ -n "${1:-}" ] || (cd "$work" && npm pack --loglevel=error --fetch-retries=1 --ignore-scripts --no-update-notifier "$package" >/dev/null)
        echo "$sha256  $file" | sha256sum --check --quiet - >&2
        mkdir -p "$work/node_modules/$name"
        tar -xzf "$file" -C "$work/node_modules/$name" --strip-components=1
    done <<<"$packages"
    cat >"$work/entry.js" <<'END'
import { init, use } from "echarts/core";
import { BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapContinuousComponent,
} from "echarts/components";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";
use([
  BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart, AriaComponent, GridComponent, LegendComponent,
  MarkLineComponent, TooltipComponent, VisualMapContinuousComponent, CanvasRenderer, SVGRenderer,
]);
export { init };
END
    (cd "$work" && node_modules/esbuild/bin/esbuild entry.js --bundle --minify --format=iife --global-name=echarts --target=es2020 \
        --legal-comments=none --log-level=warning --outfile=bundle.js
        # What the licences ask for goes with the code: Apache's notice, and the texts of the BSD parts.
        { echo "/* Part of Apache ECharts $version, https://echarts.apache.org, under the Apache License 2.0."
          echo
          cat node_modules/echarts/NOTICE
          printf '\n\nIt holds zrender, and parts of d3:\n\n'
          cat node_modules/zrender/LICENSE
          echo
          cat node_modules/echarts/licenses/LICENSE-d3
          echo " */"
          cat bundle.js; } >echarts.js)
    echo "$bundle_sha256  $work/echarts.js" | sha256sum --check --quiet - >&2
    mkdir -p "$folder"
    mv "$work/echarts.js" "$bundle.$$"
    mv "$bundle.$$" "$bundle"
fi
echo "$bundle"
