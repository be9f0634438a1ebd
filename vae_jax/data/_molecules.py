"""Molecules without a file: well-known ones by name, and GENERATED ones from cores and groups."""

NAMED = {
  "acetic acid": "CC(=O)O",
  "acetone": "CC(C)=O",
  "acetonitrile": "CC#N",
  "adrenaline": "CNCC(O)c1ccc(O)c(O)c1",
  "alanine": "CC(N)C(=O)O",
  "aniline": "Nc1ccccc1",
  "anisole": "COc1ccccc1",
  "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
  "benzaldehyde": "O=Cc1ccccc1",
  "benzene": "c1ccccc1",
  "benzocaine": "CCOC(=O)c1ccc(N)cc1",
  "benzoic acid": "O=C(O)c1ccccc1",
  "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
  "citric acid": "O=C(O)CC(O)(CC(=O)O)C(=O)O",
  "coumarin": "O=c1ccc2ccccc2o1",
  "cyclohexane": "C1CCCCC1",
  "dimethyl sulfoxide": "CS(C)=O",
  "dopamine": "NCCc1ccc(O)c(O)c1",
  "ethanol": "CCO",
  "ethyl acetate": "CCOC(C)=O",
  "eugenol": "C=CCc1ccc(O)c(OC)c1",
  "furan": "c1ccoc1",
  "glycerol": "OCC(O)CO",
  "glycine": "NCC(=O)O",
  "histamine": "NCCc1cnc[nH]1",
  "ibuprofen": "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
  "imidazole": "c1c[nH]cn1",
  "indole": "c1ccc2[nH]ccc2c1",
  "lactic acid": "CC(O)C(=O)O",
  "lidocaine": "CCN(CC)CC(=O)Nc1c(C)cccc1C",
  "melatonin": "COc1ccc2[nH]cc(CCNC(C)=O)c2c1",
  "menthol": "CC(C)C1CCC(C)CC1O",
  "metformin": "CN(C)C(=N)NC(=N)N",
  "methyl salicylate": "COC(=O)c1ccccc1O",
  "naphthalene": "c1ccc2ccccc2c1",
  "nicotine": "CN1CCCC1c1cccnc1",
  "paracetamol": "CC(=O)Nc1ccc(O)cc1",
  "phenol": "Oc1ccccc1",
  "procaine": "CCN(CC)CCOC(=O)c1ccc(N)cc1",
  "pyridine": "c1ccncc1",
  "salicylic acid": "O=C(O)c1ccccc1O",
  "serotonin": "NCCc1c[nH]c2ccc(O)cc12",
  "styrene": "C=Cc1ccccc1",
  "theobromine": "Cn1c(=O)[nH]c(=O)c2c1ncn2C",
  "thymol": "Cc1ccc(C(C)C)c(O)c1",
  "toluene": "Cc1ccccc1",
  "urea": "NC(N)=O",
  "vanillin": "COc1cc(C=O)ccc1O",
}
CORES = (  # each with two places that are alike
  "c1cc({})ccc1{}", "c1c({})cccc1{}", "c1({})ccccc1{}", "C1CC({})CCC1{}", "c1({})ccc({})s1",
  "c1({})ccc({})o1", "c1({})cnc({})cn1", "C1C({})CC1{}", "C({})CC{}", "C({})CCC{}",
)  # fmt: skip
GROUPS = (  # each written from the atom that is bound
  "C", "CC", "C(C)C", "O", "OC", "OCC", "N", "NC", "N(C)C", "NC(C)=O", "C=O", "C(=O)O",
  "C(=O)OC", "C(=O)N", "C(C)=O", "C#N", "F", "Cl", "Br", "S", "SC", "S(C)(=O)=O", "C(F)(F)F",
  "[N+](=O)[O-]", "CO", "CN", "C=C", "C#C",
)  # fmt: skip


def enumerated() -> list[str]:
  """Every core with every unordered pair of groups, as SMILES: 4,060 strings."""
  return [
    core.format(a, b) for core in CORES for i, a in enumerate(GROUPS) for b in GROUPS[i:]
  ]
