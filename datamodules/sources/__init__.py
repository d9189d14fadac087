"""Where items come from: folders, tables, the hub, samples; and how they are split."""
