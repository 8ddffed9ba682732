# How the model for English text reads, and what its network is: for the scripts that make it and train it further, which source
# this file. Rows must be encoded as those that the model was trained on. docs/model-card.md says how the settings were chosen.

text_model_encoding=(
    --layers 18,20,22,24
    --spelling words
    --prefix $'<bos>user\nHow positive or negative is this text? '
    --suffix ' The feeling is clear: this makes me feel very'
)

text_model_config() {
    cat <<'YAML'
flows: [complete]
select: complete
streams: {audio: "", video: "", simulated_text: ""}
model: {d: 48, o: 32}
YAML
}
