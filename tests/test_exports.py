"""Tables as words, as csv, as LaTeX and as Markdown: known answers."""

import csv
import io
import pathlib
import re

import numpy as np
import pytest

from vae_jax import report
from vae_jax.report import exports, formatting, tables
from vae_jax.types import Report, Table

TABLE = Table(
  "PSNR, dB & more",
  ("β", "method", "seeds", "5 %", "± 5 %", "Δ_x"),
  [
    [1.0, "latent MAP", 2, np.float32(-29.5), 0.3474, 12345.678],
    [0.5, "A & B_1 <50 %>", 2, 21.0, None, -2e-9],
    [None, "[0, 1] → σ²", None, float("nan"), None, None],
  ],
  "± is half\nan interval.",
  [(0, 3)],
)
LATEX = r"""% PSNR, dB & more
% ± is half an interval.
% \usepackage{booktabs}
\begin{tabular}{rlrrr}
\toprule
$\beta$ & method & seeds & 5 \% & $\Delta$\_x \\
\midrule
$1$ & latent MAP & $2$ & {\boldmath$-29.50 \pm 0.35$} & $12{,}346$ \\
$0.5$ & A \& B\_1 \textless{}50 \%\textgreater{} & $2$ & $21.00$ & $-2.0 \times 10^{-9}$ \\
-- & [0, 1] $\to$ $\sigma$$^2$ & -- & NaN & -- \\
\bottomrule
\end{tabular}
"""


def test_latex_of_a_table():
  assert exports.latex(TABLE) == LATEX


@pytest.mark.parametrize(
  ("text", "latex"),
  [
    ("50 % & $5 #1_{a}", r"50 \% \& \$5 \#1\_\{a\}"),
    (r"a\b~c^d", r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d"),
    ("a < b > c | d", r"a \textless{} b \textgreater{} c \textbar{} d"),
    ("“a” – ‘b’…", r"``a'' -- `b'\ldots{}"),
    ("−3 ± 2 × 10", r"$-$3 $\pm$ 2 $\times$ 10"),
    ("‖x‖² ≤ ∞, z₁", r"$\|$x$\|$$^2$ $\leq$ $\infty$, z$_1$"),
    ("λ Λ Ω ο Β", r"$\lambda$ $\Lambda$ $\Omega$ $\mathrm{o}$ $\mathrm{B}$"),
    ("two\nlines\tand a tab", "two lines and a tab"),
    ("é 漢\x00", "é 漢"),
  ],
)
def test_plain_text_as_latex(text, latex):
  assert exports.escaped(text) == latex


@pytest.mark.parametrize("start", ["[", "*"])
def test_no_row_begins_with_what_the_command_before_it_would_take(start):
  found = exports.latex(
    Table("t", (f"{start}a", "b"), [[f"{start}x", 1], [f"{start}y", 2]])
  )
  for line in found.splitlines():
    assert line[0] != start
  assert f"{{}}{start}x & $1$" in found


def test_latex_parses():
  """Braces and math nest, rows have as many cells as the head, only known commands."""
  known = r"begin|end|toprule|midrule|bottomrule|beta|Delta|to|sigma|pm|times|boldmath"
  known += "|textless|textgreater"
  body = "\n".join(line for line in exports.latex(TABLE).splitlines() if line[0] != "%")
  commands = set(re.findall(r"\\([a-zA-Z]+)", body))
  assert commands <= set(known.split("|"))
  bare = re.sub(r"\\[&%$#_{}]", "", body.replace(r"\\", ""))
  assert bare.count("$") % 2 == 0
  depth = np.cumsum([(c == "{") - (c == "}") for c in bare])
  assert depth.min() == 0
  assert depth[-1] == 0
  assert {line.count("&") for line in bare.splitlines() if "&" in line} == {4}
  assert not re.search(r"[%#~^_](?![{\-(\d])", re.sub(r"\$[^$]*\$", "", bare))
  (form,) = re.findall(r"\\begin\{tabular\}\{(\w+)\}", body)
  assert len(form) == 5


def test_formulas_are_ones_that_a_parser_of_them_takes():
  from matplotlib.mathtext import MathTextParser

  parser = MathTextParser("path")
  formulas = re.findall(r"\$[^$]+\$", exports.latex(TABLE))
  assert len(formulas) > 9
  for formula in formulas:
    parser.parse(formula)


def test_csv_keeps_every_digit_and_every_column():
  rows = list(csv.reader(io.StringIO(exports.csv_text(TABLE))))
  assert rows[0] == list(TABLE.columns)
  assert rows[1] == ["1.0", "latent MAP", "2", "-29.5", "0.3474", "12345.678"]
  assert rows[3] == ["", "[0, 1] → σ²", "", "NaN", "", ""]
  assert [float(rows[2][5]), float(rows[1][4])] == [-2e-9, 0.3474]


def test_files_of_an_earlier_report_go_and_those_of_others_stay(tmp_path):
  def one(titles, scores=None):
    found = [Table(title, ("a",), [[1]]) for title in titles]
    return Report("text", "?", found, [], [], {}, scores)

  folder = tmp_path / "reports" / "text"
  report.save(one(["PSNR, dB", "β"], Table("scores", ("a",), [[0.1]])), tmp_path)
  assert (folder / "scores.csv").read_bytes() == b"a\n0.1\n"
  names = lambda: sorted(path.name for path in (folder / "tables").iterdir())
  assert names() == ["01_psnr_db.csv", "01_psnr_db.tex", "02_table.csv", "02_table.tex"]
  (folder / "tables" / "mine.csv").write_text("kept")
  (folder / "tables" / "mine").mkdir()
  report.save(one(["SSIM"]), tmp_path)
  assert names() == ["01_ssim.csv", "01_ssim.tex", "mine", "mine.csv"]
  assert not (folder / "scores.csv").exists()


@pytest.mark.parametrize(
  ("value", "text"),
  [
    (None, "–"), (12345, "12,345"), (-1.5, "−1.50"), (0.0312, "0.03120"), (0.0, "0"),
    (123.456, "123.5"), (54321.9, "54,322"), ("NaN", "NaN"), (1e-9, "1.0e−09"),
  ],
)  # fmt: skip
def test_numbers_for_the_eye(value, text):
  assert formatting.number(value) == text


def test_a_column_has_one_number_of_digits():
  body = formatting.cells(["x", "± x"], [[1.0, 0.1], [0.123, 0.0004], [None, None]])["body"]
  assert [(row[0]["text"], row[0]["error"]) for row in body] == [
    ("1.00", "0.10"),
    ("0.12", "0.0004"),
    ("–", None),
  ]
  rows = [[1.0, 1e-16, 2.0], [0.004, 0.1, 6e-6], [2e-9, None, 3.0]]
  body = formatting.cells(["x", "± x", "seconds"], rows)["body"]
  assert [(row[0]["text"], row[0]["error"], row[1]["text"]) for row in body] == [
    ("1.00", "0.00", "2.00"),
    ("0.004", "0.10", "0.00"),
    ("2.0e−09", None, "3.00"),
  ]
  body = formatting.cells(["numbers", "± numbers"], [[10.0, 0.0], [64.0, None]])["body"]
  assert [(row[0]["text"], row[0]["error"]) for row in body] == [("10", None), ("64", None)]


def test_a_column_of_settings_is_written_as_set():
  body = formatting.cells(["β", "x"], [[0.5, 0.51234], [4.0, 12.5], [None, 3.0]])["body"]
  assert [[cell["text"] for cell in row] for row in body] == [
    ["0.5", "0.51"],
    ["4", "12.50"],
    ["–", "3.00"],
  ]


def test_digits_follow_the_narrowest_interval():
  body = formatting.cells(["x", "± x"], [[0.07213, 0.0274], [0.5, 0.0048]])["body"]
  assert [(c["text"], c["error"]) for (c,) in body] == [
    ("0.0721", "0.0274"),
    ("0.5000", "0.0048"),
  ]


def test_columns_of_one_value_are_said_and_not_shown():
  columns = ["seed", "method", "seeds", "n", "psnr", "± psnr", "best", "bad"]
  rows = [
    [0, "a", 2, None, 1.0, 0.1, 7, "NaN"],
    [0, "b", 2, None, 1.0, 0.1, 7, "NaN"],
  ]
  table = {"columns": columns, "rows": rows, "marks": [[1, 6]]}
  found = formatting.compact(table)
  assert found.columns == ["method", "psnr", "± psnr", "best", "bad"]
  assert found.rows[1] == ["b", 1.0, 0.1, 7, "NaN"]
  assert found.marks == [(1, 3)]
  assert found.said == "In every row: seed 0, seeds 2, n –."
  single = formatting.compact({"columns": ["a"], "rows": [[1]]})
  assert single == (["a"], [[1]], [], "")
  same = formatting.compact({"columns": ["a"], "rows": [[1], [1]]})
  assert same.columns == ["a"]
  assert formatting.compact({"columns": ["a", "b"], "rows": []}).columns == ["a", "b"]


SCORES = """member,beta,model.latents,seed,ended,active,method,condition,metric,mean,low
0,1.0,10,0,,10 of 10,ours,5 %,psnr,20.0,19
1,1.0,10,1,,10 of 10,ours,5 %,psnr,22.0,21
2,4.0,10,0,,10 of 10,ours,5 %,psnr,18.0,17
3,4.0,10,1,stopped at 100,,ours,5 %,psnr,99.0,98
0,1.0,10,0,,10 of 10,ours,50 %,psnr,-1.5,-2
0,1.0,10,0,,10 of 10,ours,5 %,mse,0.5,0
,,,,,,a|b,5 %,psnr,15.25,14
"""


def test_markdown_of_scores(tmp_path, capsys):
  """Seeds averaged, 21 ± sqrt(2); a stopped member is left out, as is what does not differ."""
  path = tmp_path / "scores.csv"
  path.write_text(SCORES)
  assert tables.markdown(path, "psnr") == (
    "| β | method | 5 % | 50 % |\n"
    "| --- | --- | --- | --- |\n"
    "| 1 | ours | 21.00 ± 1.41 | −1.50 |\n"
    "| 4 | ours | 18.00 | – |\n"
    "| – | a∣b | 15.25 | – |\n"
  )
  assert tables.markdown(path, None) == tables.markdown(path, "psnr")
  tables.main([str(path), "--metric=mse", "--over=seed,beta"])
  assert "| ours | 0.5000 |" in capsys.readouterr().out


def test_markdown_averages_over_what_it_is_told(tmp_path):
  path = tmp_path / "scores.csv"
  path.write_text(SCORES)
  found = tables.markdown(path, "psnr", ("seed", "beta")).splitlines()
  assert found[2] == "| ours | 20.00 ± 2.00 | −1.50 |"


@pytest.mark.parametrize(
  ("content", "metric", "said"),
  [(SCORES, "ssim", "choose one of psnr, mse"), ("a,b\n1,2\n", "psnr", "is not the scores.csv")],
)  # fmt: skip
def test_mistakes_are_told(content, metric, said, tmp_path, capsys):
  path = pathlib.Path(tmp_path / "x.csv")
  path.write_text(content)
  with pytest.raises(SystemExit) as found:
    tables.main([str(path), f"--metric={metric}"])
  assert found.value.code == 2
  assert said in capsys.readouterr().err
