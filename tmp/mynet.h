
#include <eml_net.h>
static const float mynet_layer_0_biases[16] = { 0.197968f, -0.399230f, -0.309352f, -0.521559f, 0.479294f, -0.102821f, -0.196460f, -0.131295f, 0.113238f, -0.376348f, 0.246124f, -0.323990f, 0.058105f, -0.269170f, 0.020564f, 0.213374f };
static const float mynet_layer_0_weights[64] = { 0.312653f, 0.346898f, 0.263059f, -0.458962f, 0.331571f, -0.245630f, -0.113056f, 0.000166f, -0.198073f, -0.347168f, -0.525466f, 0.461417f, 0.274806f, -0.200189f, -0.501959f, -0.054290f, -0.498763f, 0.413558f, -0.010136f, -0.362330f, 0.476903f, -0.130487f, -0.482838f, 0.139273f, -0.180488f, -0.051259f, -0.526164f, -0.398234f, -0.001935f, -0.241643f, -0.387176f, -0.334457f, 0.347099f, -0.355392f, -0.114761f, -0.013087f, -0.082063f, 0.490372f, 0.019293f, 0.217824f, -0.111249f, -0.522585f, -0.414359f, -0.013006f, 0.171471f, -0.540785f, -0.070814f, 0.057288f, -0.243977f, -0.166784f, -0.051017f, 0.419946f, 0.421315f, -0.348920f, 0.224850f, -0.466530f, -0.484179f, 0.286195f, 0.473307f, 0.440223f, 0.459950f, -0.340064f, 0.063631f, -0.294559f };
static const float mynet_layer_1_biases[3] = { -0.243602f, -0.217825f, -0.193579f };
static const float mynet_layer_1_weights[48] = { -0.208491f, -0.315370f, -0.178472f, 0.388403f, 0.078966f, 0.161969f, -0.463148f, -0.170402f, -0.475699f, 0.270432f, 0.495907f, 0.068807f, -0.500099f, 0.318296f, -0.421659f, 0.099147f, 0.465941f, -0.469796f, -0.108027f, -0.122782f, -0.043056f, 0.529903f, 0.303907f, 0.125345f, -0.202848f, -0.130715f, -0.108725f, 0.450403f, -0.373630f, 0.043259f, 0.192337f, 0.393591f, 0.377758f, -0.481257f, 0.490657f, 0.239283f, -0.487364f, -0.129504f, -0.141925f, -0.420281f, 0.377363f, -0.416319f, 0.151370f, -0.068664f, -0.462951f, 0.287403f, -0.151202f, 0.151040f };
static float mynet_buf1[16];
static float mynet_buf2[16];
static const EmlNetLayer mynet_layers[2] = { 
{ 16, 4, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
{ 3, 16, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationSoftmax } };
static EmlNet mynet = { 2, mynet_layers, mynet_buf1, mynet_buf2, 16 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    