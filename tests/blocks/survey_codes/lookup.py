def labels_of(column, codes):
    return column.map(dict(zip(codes["code"], codes["label"], strict=True)))
