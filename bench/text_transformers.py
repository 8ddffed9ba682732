"""text_transformers.py MODEL.gguf TEXTS [THREADS]: hidden states of every line of TEXTS with transformers, one by one, the
matrices dequantised to f32: what `valence encode text` computes. Prints texts/s and the peak of resident memory."""
import os
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, file = os.path.split(sys.argv[1])
texts = open(sys.argv[2], encoding="utf-8").read().splitlines()
torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
rows = 0
with torch.no_grad():
    model(**tokenizer(texts[0], return_tensors="pt"), output_hidden_states=True)
    start = time.time()
    for text in texts:
        states = model.model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
        rows += sum(states[-4:])[0].numpy().shape[0]
seconds = time.time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{len(texts) / seconds:.1f} texts/s ({rows} rows), peak {peak:.0f} MiB")
