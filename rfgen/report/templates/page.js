(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("run-data").textContent);
  var graphs = [];
  var views = [];
  var busy = false;

  function floats(text) {
    var raw = atob(text);
    var bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    var view = new DataView(bytes.buffer);
    var out = new Float64Array(raw.length / 4);
    for (var k = 0; k < out.length; k++) out[k] = view.getFloat32(4 * k, true);
    return out;
  }

  // Rows of [x, y, y, ...]. Several runs have ticks of their own: a line without a value there is null, which
  // is joined over, while NaN, a value that was never measured, stays a gap.
  function rows(chart) {
    var runs = chart.runs.map(function (run) {
      return { x: floats(run.x), ys: run.lines.map(function (line) { return floats(line.y); }), at: 0 };
    });
    var out = [];
    for (;;) {
      var next = Infinity;
      runs.forEach(function (run) {
        if (run.at < run.x.length && run.x[run.at] < next) next = run.x[run.at];
      });
      if (next === Infinity) return out;
      var row = [next];
      runs.forEach(function (run) {
        var here = run.at < run.x.length && run.x[run.at] === next;
        run.ys.forEach(function (y) { row.push(here ? y[run.at] : null); });
        if (here) run.at++;
      });
      out.push(row);
    }
  }

  // Seconds throughout, as the tables have them; steps that a clock has where they are long.
  var STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  function ticks(from, to, pixels) {
    var most = Math.max(2, Math.floor(pixels / 80));
    var step = STEPS.filter(function (s) { return (to - from) / s <= most; })[0] || STEPS[STEPS.length - 1];
    var out = [];
    for (var k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9 * step && out.length < 400; k++) {
      out.push({ v: k * step, label: String(Math.round(k * step * 100) / 100) });
    }
    return out;
  }

  function bandsUnder(ctx, area, g, first) {
    data.bands.forEach(function (band) {
      var left = Math.max(area.x, g.toDomXCoord(band.start_s));
      var right = Math.min(area.x + area.w, g.toDomXCoord(band.end_s));
      if (!(right > left)) return;
      ctx.fillStyle = band.colour;
      ctx.fillRect(left, area.y, right - left, area.h);
      ctx.strokeStyle = "#cbd5e1";
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(Math.round(left) + 0.5, area.y);
      ctx.lineTo(Math.round(left) + 0.5, area.y + area.h);
      ctx.stroke();
      var name = band.state.replace("_", " ");
      if (first && ctx.measureText(name).width + 10 < right - left) {
        ctx.fillStyle = "#64748b";
        ctx.fillText(name, left + 5, area.y + 12);
      }
    });
  }

  function limitsUnder(ctx, area, g, chart) {
    var range = g.yAxisRange(0);
    ctx.save();
    ctx.strokeStyle = "#d92d20";
    ctx.lineWidth = 1;
    ctx.setLineDash([7, 4]);
    chart.limits.forEach(function (limit) {
      if (limit.value > range[1] || limit.value < range[0]) return;
      var y = Math.round(g.toDomYCoord(limit.value)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(area.x, y);
      ctx.lineTo(area.x + area.w, y);
      ctx.stroke();
    });
    ctx.restore();
  }

  // Over the curves, so that none hides what a limit is.
  function limitNames(chart) {
    return {
      activate: function () {
        return {
          didDrawChart: function (drawn) {
            var g = drawn.dygraph;
            var ctx = drawn.drawingContext;
            var area = g.getArea();
            var range = g.yAxisRange(0);
            ctx.save();
            ctx.font = "11px system-ui, sans-serif";
            // Names of limits out of sight, side by side at the top right: at the bottom right a curve may run.
            var free = area.x + area.w - 8;
            chart.limits.forEach(function (limit) {
              var text = limit.label + " " + Math.round(limit.value * 100) / 100 + " " + chart.unit;
              var y = g.toDomYCoord(limit.value) - 4;
              var above = limit.value > range[1];
              var out = above || limit.value < range[0];
              if (out) {
                text = (above ? "\u25b2 " : "\u25bc ") + text;
                y = area.y + 24;
              }
              var width = ctx.measureText(text).width;
              var left = (out ? free : area.x + area.w - 8) - width;
              if (out) free = left - 14;
              ctx.fillStyle = "rgba(255,255,255,0.8)";
              ctx.fillRect(left - 3, y - 10, width + 6, 13);
              ctx.fillStyle = "#b42318";
              ctx.fillText(text, left, y);
            });
            ctx.restore();
          }
        };
      },
      destroy: function () {}
    };
  }

  function marksUnder(ctx, area, g, first) {
    var used = [];
    ctx.save();
    data.marks.forEach(function (mark) {
      var x = g.toDomXCoord(mark.time_s);
      if (x < area.x || x > area.x + area.w) return;
      var trip = mark.kind === "trip";
      ctx.strokeStyle = mark.colour || (trip ? "#b42318" : "#7c3aed");
      ctx.lineWidth = trip ? 2 : 1;
      ctx.setLineDash(trip ? [] : [2, 3]);
      ctx.beginPath();
      ctx.moveTo(x, area.y);
      ctx.lineTo(x, area.y + area.h);
      ctx.stroke();
    });
    // names after all lines, so that none is crossed by a later one
    if (first) data.marks.forEach(function (mark) {
      var x = g.toDomXCoord(mark.time_s);
      if (x < area.x || x > area.x + area.w) return;
      var trip = mark.kind === "trip";
      var text = mark.label.length > 48 ? mark.label.slice(0, 47) + "\u2026" : mark.label;
      ctx.font = (trip ? "bold " : "") + "11px system-ui, sans-serif";
      var width = ctx.measureText(text).width;
      var left = x + 5 + width > area.x + area.w ? x - 5 - width : x + 5;
      var row = 0;
      while (used.some(function (u) { return u[2] === row && left < u[1] + 8 && left + width > u[0] - 8; })) row++;
      if (row > 6) return;
      used.push([left, left + width, row]);
      ctx.fillStyle = "rgba(255,255,255,0.85)";
      ctx.fillRect(left - 2, area.y + 20 + 15 * row, width + 4, 14);
      ctx.fillStyle = mark.colour || (trip ? "#b42318" : "#7c3aed");
      ctx.fillText(text, left, area.y + 31 + 15 * row);
    });
    ctx.restore();
  }

  function legend(view, row) {
    view.values.forEach(function (cell, k) {
      var value = row === null ? null : view.rows[row][k + 1];
      for (var back = row; value === null && back !== null && back > 0; back--) value = view.rows[back][k + 1];
      cell.textContent = value === null || value !== value ? "" : value.toFixed(Math.abs(value) < 100 ? 2 : 1);
    });
  }

  function nearest(rowsOf, x) {
    var low = 0;
    var high = rowsOf.length - 1;
    while (low < high) {
      var middle = (low + high) >> 1;
      if (rowsOf[middle][0] < x) low = middle + 1; else high = middle;
    }
    if (low > 0 && x - rowsOf[low - 1][0] < rowsOf[low][0] - x) low--;
    return low;
  }

  function point(x, source) {
    views.forEach(function (view, n) {
      var row = nearest(view.rows, x);
      legend(view, row);
      if (n !== source && graphs[n]) graphs[n].setSelection(row);
    });
  }

  function build(chart, n) {
    var view = { rows: rows(chart), values: [] };
    var holder = document.getElementById("legend-" + chart.id);
    var labels = ["x"];
    var colours = [];
    var series = {};
    chart.runs.forEach(function (run) {
      run.lines.forEach(function (line) {
        var id = "line" + labels.length;
        labels.push(id);
        colours.push(line.colour);
        series[id] = { strokeWidth: line.width, strokePattern: line.dashed ? [6, 4] : null };
        var entry = document.createElement("span");
        var swatch = document.createElement("i");
        var value = document.createElement("b");
        entry.className = "entry";
        swatch.style.borderTopColor = line.colour;
        if (line.dashed) swatch.className = "dashed";
        entry.appendChild(swatch);
        entry.appendChild(document.createTextNode(line.label.slice(0, 60) + " "));
        entry.appendChild(value);
        holder.appendChild(entry);
        view.values.push(value);
      });
    });
    views.push(view);
    graphs.push(new Dygraph(document.getElementById("plot-" + chart.id), view.rows, {
      labels: labels,
      colors: colours,
      series: series,
      labelsDiv: document.createElement("div"),
      connectSeparatedPoints: data.overlay,
      valueRange: [chart.least, chart.most],
      highlightCircleSize: 3,
      gridLineColor: "#e2e8f0",
      axisLineColor: "#94a3b8",
      axisLabelFontSize: 12,
      xRangePad: 0,
      axes: { x: { ticker: ticks, axisLabelWidth: 60 }, y: { axisLabelWidth: 48 } },
      plugins: [limitNames(chart)],
      underlayCallback: function (ctx, area, g) {
        ctx.save();
        ctx.font = "11px system-ui, sans-serif";
        bandsUnder(ctx, area, g, n === 0);
        limitsUnder(ctx, area, g, chart);
        marksUnder(ctx, area, g, n === 0);
        ctx.restore();
      },
      drawCallback: function (g, initial) {
        if (initial || busy) return;
        busy = true;
        var range = g.xAxisRange();
        graphs.forEach(function (other) {
          if (other !== g) other.updateOptions({ dateWindow: [range[0], range[1]] });
        });
        busy = false;
      },
      highlightCallback: function (event, x) { point(x, n); },
      unhighlightCallback: function () {
        graphs.forEach(function (g) { g.clearSelection(); });
        views.forEach(function (v) { legend(v, null); });
      }
    }));
  }

  // every panel over the same time, from the first value of any to the last
  data.charts.forEach(build);
  var first = Infinity;
  var last = -Infinity;
  views.forEach(function (view) {
    if (!view.rows.length) return;
    first = Math.min(first, view.rows[0][0]);
    last = Math.max(last, view.rows[view.rows.length - 1][0]);
  });
  function everything() {
    busy = true;
    graphs.forEach(function (g, n) {
      var chart = data.charts[n];
      g.updateOptions({ dateWindow: last > first ? [first, last] : null, valueRange: [chart.least, chart.most] });
    });
    busy = false;
  }
  everything();
  document.getElementById("reset").addEventListener("click", everything);
  document.documentElement.setAttribute("data-drawn", String(graphs.length));
})();
